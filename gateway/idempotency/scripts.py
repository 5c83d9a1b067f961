"""The Lua scripts, as Redis is sent them: those of a record begin with `scripts/preamble.lua`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

PREAMBLE: Final = "preamble"
OF_A_LEASE: Final = frozenset(("rl_take", "rl_renew", "rl_free"))
"""Scripts that touch no record, and stand alone."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script and what Redis knows it by once it has seen it."""

    name: str
    text: str

    @property
    def sha(self) -> str:
        """SHA-1 of the text, as `EVALSHA` wants it."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


def load() -> Mapping[str, Script]:
    """Every script by its file's name."""
    folder = files("gateway.idempotency") / "scripts"
    texts = {
        file.name.removesuffix(".lua"): file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".lua")
    }
    preamble = texts.pop(PREAMBLE)
    return {
        name: Script(name, text if name in OF_A_LEASE else preamble + text)
        for name, text in texts.items()
    }
