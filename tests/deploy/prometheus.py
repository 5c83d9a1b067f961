"""A real Prometheus that scrapes the test's gateway by the configuration that is shipped."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.deploy.expressions import CONFIGURATION, RULES
from tests.programs import PROMETHEUS, Found
from tests.servers import PATIENCE, Server, free_port

EVERY = "1s"


class Prometheus(Server):
    """The shipped configuration, but for the addresses of the replicas and for some haste."""

    def __init__(self, found: Found, folder: Path, ports: Sequence[int]) -> None:
        self.port = free_port()
        tree = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
        tree["global"] = dict.fromkeys(tree["global"], EVERY)
        tree["rule_files"] = [str(RULES)]
        (job,) = tree["scrape_configs"]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in ports]}]
        configuration = folder / "prometheus.yaml"
        configuration.write_text(yaml.safe_dump(tree), encoding="utf-8")
        arguments = (
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'series'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
        )
        super().__init__(PROMETHEUS, found, folder, arguments)

    def answers(self) -> bool:
        """Whether it serves."""
        try:
            return httpx.get(self._url("/-/ready"), timeout=PATIENCE).status_code == 200
        except httpx.TransportError:
            return False

    def values(self, expression: str) -> list[float]:
        """What an expression is at this moment, for each series; what is no number is left out."""
        found = self._asked("/query", query=expression)
        if found["resultType"] == "scalar":
            return [float(found["result"][1])]
        values = (float(each["value"][1]) for each in found["result"])
        return [value for value in values if math.isfinite(value)]

    def labels(self, label: str, selector: str) -> list[str]:
        """The values that a label has in the series of a selector."""
        found: list[str] = self._asked(f"/label/{label}/values", **{"match[]": selector})
        return found

    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        """Every rule as it stands, by its name."""
        groups = self._asked("/rules")["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}

    def _asked(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(self._url(f"/api/v1{path}"), params=parameters, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"
