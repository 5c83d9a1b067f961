"""The file and those that it includes, as one tree; numbers are read as exact decimals."""

import glob
import tomllib
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

INCLUDED = ("callers", "connections")


def tree_of(path: Path, faults: list[str]) -> dict[str, Any]:
    """The file's tables with those of the included files."""
    tree = _toml(path, faults)
    for pattern in _patterns(tree):
        included = _fitting(path, pattern)
        if not included and not glob.has_magic(pattern):
            faults.append(f"include: there is no {pattern}")
        for name in included:
            _include(name, tree, faults)
    return tree


def patterns_of(path: Path) -> list[str]:
    """What the file includes, as it says itself."""
    return _patterns(_toml(path, []))


def files_of(path: Path, patterns: Iterable[str]) -> list[Path]:
    """The file and those that it includes by these patterns, as they are now."""
    return [path, *(name for pattern in patterns for name in _fitting(path, pattern))]


def _patterns(tree: dict[str, Any]) -> list[str]:
    patterns = tree.get("include")
    return [str(pattern) for pattern in patterns] if isinstance(patterns, list) else []


def _fitting(path: Path, pattern: str) -> list[Path]:
    """The files that fit a pattern, which starts where the file lies."""
    return [Path(name) for name in sorted(glob.glob(str(path.parent / pattern)))]  # noqa: PTH207


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
