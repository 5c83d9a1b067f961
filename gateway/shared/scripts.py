"""The Lua scripts of a package, as Redis is sent them: with the preamble that they share."""

import hashlib
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

PREAMBLE: Final = "preamble"


@dataclass(frozen=True, slots=True)
class Script:
    """A script and what Redis knows it by once it has seen it."""

    name: str
    text: str
    sha: str = field(init=False)
    """SHA-1 of the text, as `EVALSHA` wants it."""

    def __post_init__(self) -> None:
        sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", sha)


def load(package: str, *below: str, alone: Container[str] = ()) -> Mapping[str, Script]:
    """Every script by its file's name, from the folder `scripts` of a package or one below it.

    Those that stand `alone` go without the folder's `preamble.lua`.
    """
    folder = files(package).joinpath("scripts", *below)
    texts = {
        file.name.removesuffix(".lua"): file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".lua")
    }
    preamble = texts.pop(PREAMBLE, "")
    return {
        name: Script(name, text if name in alone else preamble + text)
        for name, text in texts.items()
    }
