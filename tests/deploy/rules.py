"""Has promtool judge what `deploy/prometheus` holds: `python -m tests.deploy.rules`."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.programs import PROMETHEUS, Found, Toolbox

FOLDER: Final = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
CHECKS: Final[Sequence[Sequence[str]]] = (
    ("check", "rules", "--lint-fatal", "alerts.yaml"),
    ("check", "config", "--lint-fatal", "prometheus.yaml"),
    ("test", "rules", "alerts_test.yaml"),
)
"""What promtool is asked, in the folder."""


def asked(prometheus: Found, check: Sequence[str], folder: Path = FOLDER) -> tuple[int, str]:
    """One check: the status of promtool, and what it printed."""
    promtool = prometheus.beside("promtool")
    run = subprocess.run(
        [promtool.path, *check],
        cwd=folder,
        env=promtool.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return run.returncode, run.stdout


def main() -> int:
    """Prints what fails; without promtool that, which is an error only where tools are required."""
    prometheus = Toolbox(os.environ).find(PROMETHEUS)
    if prometheus is None:
        sys.stderr.write(f"{PROMETHEUS.loss}, no rule was checked: {PROMETHEUS.remedy}\n")
        return 1 if os.environ.get("GATEWAY_REQUIRE_TOOLS") else 0
    told = [asked(prometheus, check) for check in CHECKS]
    sys.stderr.writelines(printed for status, printed in told if status)
    return int(any(status for status, _ in told))


if __name__ == "__main__":
    sys.exit(main())
