"""The configuration: one TOML file, read into one frozen model, every fault told by its path.

Reading order: sections (the tables), files (with includes), secrets (references opened),
accounts (tables made connections), addresses, contradictions, faults; watch (a changed file).
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, ValidationError

from gateway.connections import Connection
from gateway.settings.accounts import Builder
from gateway.settings.contradictions import contradictions
from gateway.settings.faults import ConfigurationError, line
from gateway.settings.files import tree_of
from gateway.settings.secrets import SecretReferences
from gateway.settings.sections import Account, File, Section

__all__ = ["ConfigurationError", "Settings", "load", "parse"]

Table = TypeVar("Table", bound=Section)


class Settings(Section):
    """What the gateway runs with."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    file: File
    connections: Mapping[str, Connection]

    @property
    def development(self) -> bool:
        """Whether this is no place for production's strictness."""
        return self.file.environment == "development"

    @property
    def strict(self) -> bool:
        """Whether the shared store has to prove that it keeps records before anybody is served.

        Production is unless it is told otherwise, and development only where it asks for it.
        """
        redis = self.file.redis
        default = "relaxed" if self.development else "strict"
        return redis.url is not None and (redis.durability or default) == "strict"

    def taking_on(self, changed: "Settings") -> "Settings":
        """These settings with another's callers and connections; the rest needs a restart."""
        file = self.file.model_copy(update={"callers": changed.file.callers})
        return self.model_copy(update={"file": file, "connections": changed.connections})


def load(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Reads a configuration file and those that it includes. Raises `ConfigurationError`."""
    faults: list[str] = []
    tree = tree_of(path, faults)
    return _parsed(tree, os.environ if environ is None else environ, path.parent, faults)


def parse(tree: dict[str, Any], environ: Mapping[str, str], folder: Path) -> Settings:
    """Builds settings from a parsed file. Raises `ConfigurationError` with every fault."""
    return _parsed(tree, environ, folder, [])


def _parsed(
    tree: dict[str, Any], environ: Mapping[str, str], folder: Path, faults: list[str]
) -> Settings:
    development = tree.get("environment", "development") == "development"
    opened = SecretReferences(environ, folder, development, faults).opened(tree)
    left_out: list[str] = []
    file = _salvaged(File, opened, (), left_out) or File()
    faults += left_out
    connections: dict[str, Connection] = {}
    for name, spelled in _tables(opened, "connections"):
        fit = file.connections.get(name)
        account = fit or _salvaged(Account, spelled, ("connections", name), faults)
        builder = Builder(name, account, development, faults) if account else None
        if builder and (connection := builder.connection()):
            connections[name] = connection
    faults += (found for found in contradictions(file) if not _is_about(found, left_out))
    if faults:
        raise ConfigurationError(sorted(set(faults)))
    # The tables of connections are made into connections here, and are not kept beside them.
    file = file.model_copy(update={"connections": {}})
    return Settings(file=file, connections=dict(sorted(connections.items())))


def _salvaged(
    model: type[Table], value: Any, at: tuple[str, ...], faults: list[str]
) -> Table | None:
    """A table as its model; what is wrong is told and left out, so that the rest can be checked."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details = error.errors()
    faults += [line(at, detail) for detail in details]
    left = deepcopy(value)
    for loc in {detail["loc"][:2] for detail in details}:
        _cut(left, loc)
    try:
        return model.model_validate(left)
    except ValidationError:
        return None


def _is_about(contradiction: str, left_out: Iterable[str]) -> bool:
    """Whether a contradiction is about a setting that was told already, or one in it."""
    where = contradiction.partition(":")[0]
    return any(fault.startswith((f"{where}:", f"{where}.")) for fault in left_out)


def _cut(tree: Any, loc: tuple[int | str, ...]) -> None:
    """Takes a setting out of a tree; the entry of a table of tables goes whole."""
    table, *rest = loc or (None,)
    inner = tree.get(table) if isinstance(tree, dict) else None
    if rest and isinstance(inner, dict) and rest[0] in inner:
        del inner[rest[0]]
    elif inner is not None:
        del tree[table]


def _tables(opened: dict[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    found = opened.get(name)
    if isinstance(found, dict):
        yield from found.items()
