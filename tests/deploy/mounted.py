"""What is mounted into a replica: the example's configuration, and a folder of secrets."""

import base64
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.architecture.source_tree import ROOT
from tests.servers import free_port

EXAMPLE: Final = ROOT / "deploy" / "gateway.example.toml"
SECRETS: Final = "/run/secrets"
KNOWN: Final = {
    "signing_key": "s" * 32,
    "encryption_key": base64.b64encode(b"e" * 32).decode(),
}


def secrets_of(text: str) -> set[str]:
    """The files of secrets that a configuration names."""
    return set(re.findall(rf'file = "{SECRETS}/([^"]+)"', text))


@dataclass(frozen=True, slots=True)
class Mounted:
    """A configuration, ready to run with on this machine."""

    folder: Path
    configuration: Path

    @classmethod
    @contextmanager
    def made(cls, redis_url: str, example: Path = EXAMPLE) -> Iterator["Mounted"]:
        """The configuration with free ports and no time to drain, where every user may read it."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            folder.chmod(0o755)
            (secrets := folder / "secrets").mkdir()
            text = example.read_text(encoding="utf-8")
            for secret in secrets_of(text):
                given = {"redis_url": redis_url, **KNOWN}.get(secret, "demo")
                (secrets / secret).write_text(given, encoding="utf-8")
            text = text.replace(SECRETS, str(secrets))
            text = re.sub(r"metrics_port = \d+", f"metrics_port = {free_port()}", text)
            text = re.sub(r"drain_seconds = \d+", "drain_seconds = 0", text)
            configuration = folder / "gateway.toml"
            configuration.write_text(text, encoding="utf-8")
            yield cls(folder, configuration)
