"""Secrets: the references of the file opened, literal ones refused outside development."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STAND_IN = "\N{REPLACEMENT CHARACTER}"
"""What stands for a secret that is missing, which was told, so that the rest can be checked."""


class SecretReferences:
    """Opens references to secrets, and refuses literal ones outside development."""

    _HOLDERS = (
        re.compile(r"redis\.(url|sentinel\.password)"),
        re.compile(r"secrets\.(signing|encryption)_keys\.\d+\.key"),
        re.compile(r"connections\.[^.]+\.(credentials\.[^.]+|proxy\.password)"),
    )

    def __init__(
        self, environ: Mapping[str, str], folder: Path, development: bool, faults: list[str]
    ) -> None:
        self._environ = environ
        self._folder = folder
        self._development = development
        self._faults = faults

    def opened(self, tree: Any, path: tuple[str, ...] = ()) -> Any:
        """The tree with its references replaced by what they refer to."""
        if any(holder.fullmatch(".".join(path)) for holder in self._HOLDERS):
            return self._secret(tree, ".".join(path))
        if isinstance(tree, dict):
            return {name: self.opened(member, (*path, name)) for name, member in tree.items()}
        if isinstance(tree, list):
            return [self.opened(member, (*path, str(i))) for i, member in enumerate(tree)]
        return tree

    def _secret(self, found: Any, where: str) -> Any:
        if isinstance(found, str):
            if not self._development:
                self._faults.append(f"{where}: a secret may stand in the file in development only; "
                                    'name it as {env = "NAME"} or {file = "/path"}')  # fmt: skip
            return found
        match found:
            case {"env": str(name), **rest} if not rest:
                return self._present(
                    self._environ.get(name), where, f"the environment has no {name}"
                )
            case {"file": str(name), **rest} if not rest:
                return self._present(
                    self._content(name), where, f"{name} cannot be read, or is empty"
                )
        self._faults.append(f'{where}: a secret is {{env = "NAME"}} or {{file = "/path"}}')
        return STAND_IN

    def _present(self, secret: str | None, where: str, fault: str) -> str:
        if not secret:
            self._faults.append(f"{where}: {fault}")
        return secret or STAND_IN

    def _content(self, name: str) -> str | None:
        try:
            return (self._folder / name).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            return None
