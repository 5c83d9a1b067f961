"""The file and those that it includes, as one tree; numbers are read as exact decimals."""

import glob
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

INCLUDED = ("callers", "connections")


def tree_of(path: Path, faults: list[str]) -> dict[str, Any]:
    """The file's tables with those of the included files."""
    tree = _toml(path, faults)
    for pattern, included in _included(path, tree):
        if not included and not glob.has_magic(pattern):
            faults.append(f"include: there is no {pattern}")
        for name in included:
            _include(name, tree, faults)
    return tree


def files_of(path: Path) -> list[Path]:
    """The file and those that it includes, as they are now."""
    found = _included(path, _toml(path, []))
    return [path, *(name for _, included in found for name in included)]


def _included(path: Path, tree: dict[str, Any]) -> Iterator[tuple[str, list[Path]]]:
    """Each pattern with the files that fit it."""
    patterns = tree.get("include")
    for pattern in patterns if isinstance(patterns, list) else ():
        names = sorted(glob.glob(str(path.parent / str(pattern))))  # noqa: PTH207
        yield str(pattern), [Path(name) for name in names]


def _include(path: Path, tree: dict[str, Any], faults: list[str]) -> None:
    for table, members in _toml(path, faults).items():
        held = tree.setdefault(table, {}) if table in INCLUDED else None
        if not isinstance(held, dict) or not isinstance(members, dict):
            faults.append(f"{table}: an included file ({path.name}) holds only tables of "
                          f"{' and '.join(INCLUDED)}")  # fmt: skip
            continue
        twice = held.keys() & members.keys()
        faults += [f"{table}.{name}: stands in more than one file" for name in twice]
        held.update(members)


def _toml(path: Path, faults: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        faults.append(f"{path}: cannot be read: {error.strerror}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"{path}: is not TOML: {error}")
    return {}
