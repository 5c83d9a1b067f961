"""The project's files, found without git: what `.gitignore` names is not one of them."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "gateway"


@cache
def committed_files() -> tuple[Path, ...]:
    """Every file under the root that git would take, in order."""
    return tuple(sorted(_below(ROOT, (".git", *_ignored_names()))))


def python_files(folder: Path) -> list[Path]:
    """The modules at or below `folder`."""
    return [path for path in committed_files() if path.suffix == ".py" and _is_at(path, folder)]


def text_of(path: Path) -> str | None:
    """The file's text, or None for what is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


@cache
def syntax_of(path: Path) -> ast.Module:
    """The module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def short(path: Path) -> str:
    """The path as a person would name it, and as a test's id."""
    return path.relative_to(ROOT).as_posix()


def _ignored_names() -> list[str]:
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _below(folder: Path, ignored: tuple[str, ...]) -> Iterator[Path]:
    for entry in folder.iterdir():
        if any(fnmatch(entry.name, pattern) for pattern in ignored):
            continue
        if entry.is_dir():
            yield from _below(entry, ignored)
        else:
            yield entry


def _is_at(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents
