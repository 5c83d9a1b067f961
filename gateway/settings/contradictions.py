"""What is wrong between one part of a configuration and another."""

import base64
from collections.abc import Callable, Iterator, Sequence

from gateway.settings.secrets import STAND_IN
from gateway.settings.sections import File, Key

KEY_BYTES = 32
KEY_FORMS = {
    "signing_keys": f"is shorter than {KEY_BYTES} bytes",
    "encryption_keys": f"is not the base64 of {KEY_BYTES} bytes",
}


def contradictions(file: File) -> Iterator[str]:
    """What is wrong between one part of the file and another."""
    owners: dict[str, str] = {}
    for name, caller in file.callers.items():
        for hashed in caller.hashed_keys():
            if hashed.sha256 in owners:
                yield f"callers.{name}: has the same key as callers.{owners[hashed.sha256]}"
            owners[hashed.sha256] = name
    yield from _unfit_keys("signing_keys", file.secrets.signing_keys, _signs)
    yield from _unfit_keys("encryption_keys", file.secrets.encryption_keys, _encrypts)
    if file.secrets.signing_keys:
        return
    if file.environment == "production":
        yield "secrets.signing_keys: production needs one, the same on every replica"
    elif file.server.workers > 1:
        yield "secrets.signing_keys: several workers need one, the same for all"


def _unfit_keys(name: str, keys: Sequence[Key], fits: Callable[[str], bool]) -> Iterator[str]:
    ids = [key.id for key in keys]
    for place, key in enumerate(keys):
        if key.id in ids[:place]:
            yield f"secrets.{name}.{place}: {key.id} stands there twice"
        secret = key.key.get_secret_value()
        if secret != STAND_IN and not fits(secret):
            yield f"secrets.{name}.{place}: {KEY_FORMS[name]}"


def _signs(secret: str) -> bool:
    return len(secret.encode()) >= KEY_BYTES


def _encrypts(secret: str) -> bool:
    try:
        return len(base64.b64decode(secret, validate=True)) == KEY_BYTES
    except ValueError:
        return False
