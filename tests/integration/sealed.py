"""The sandbox's connections as production wants them: no secret in the file, but references."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from tests.integration.programs import CALLER

SIGNING_KEY = "canary-signing-key-0123456789abcdef0123456789"
ENCRYPTION_KEY = base64.b64encode(b"canary-encryption-key-0123456789").decode()
_CREDENTIALS = re.compile(r'credentials = \{ (?P<member>\w+) = "(?P<secret>[^"]+)" \}')


@dataclass(frozen=True, slots=True)
class Sealed:
    """A configuration file, and the environment that it refers to."""

    config: Path
    env: dict[str, str]


def sealed(folder: Path, name: str, connections: str, redis_url: str) -> Sealed:
    """Writes the file of a production gateway; half of its secrets lie in files beside it."""
    env = {"REDIS_URL": redis_url, "SIGNING_KEY": SIGNING_KEY, "ENCRYPTION_KEY": ENCRYPTION_KEY}

    def reference(found: re.Match[str]) -> str:
        number = len(env)
        if number % 2:
            place = f'{{ env = "SECRET_{number}" }}'
            env[f"SECRET_{number}"] = found["secret"]
        else:
            (folder / f"{name}-{number}.secret").write_text(found["secret"], encoding="utf-8")
            place = f'{{ file = "{name}-{number}.secret" }}'
            env[f"UNUSED_{number}"] = ""
        return f"credentials = {{ {found['member']} = {place} }}\nallow_private_address = true"

    text = "\n".join(
        (
            'environment = "production"',
            'redis.url = { env = "REDIS_URL" }',
            '[[secrets.signing_keys]]\nid = "now"\nkey = { env = "SIGNING_KEY" }',
            '[[secrets.encryption_keys]]\nid = "now"\nkey = { env = "ENCRYPTION_KEY" }',
            '[logs]\nlevel = "debug"',
            CALLER,
            _CREDENTIALS.sub(reference, connections),
        )
    )
    config = folder / f"{name}.toml"
    config.write_text(text, encoding="utf-8")
    return Sealed(config, env)
