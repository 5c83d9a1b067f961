"""The language, its spelling and the vendors are pure: no clock, no chance, no network, no float.

import-linter holds the imports; here it is seen at the place itself, with what is not an import.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source_tree import PACKAGE, python_files, short, syntax_of

PURE = ("canonical", "errors.py", "normalizer", "translator.py", "vendors")
WORLDLY = {
    *("asyncio", "fastapi", "httpx", "redis", "socket", "ssl"),
    *("os", "random", "time", "uuid"),
}
CLOCKS = {"now", "today", "utcnow"}
"""Methods of `datetime` and `date` that read the clock."""


def impurities(tree: ast.AST) -> list[str]:
    """What a pure module must not do, each with its line."""
    return [f"line {node.lineno}: {what}" for node, what in _found(tree)]


def _found(tree: ast.AST) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node, f"import {name.name}") for name in names if _worldly(name.name))
            case ast.ImportFrom(module=str(module), level=0) if _worldly(module):
                yield node, f"from {module} import"
            case ast.Call(func=ast.Name(id="float")):
                yield node, "float()"
            case ast.Attribute(attr=attribute, value=ast.Name(id="datetime" | "date")) | (
                ast.Attribute(attr=attribute, value=ast.Attribute(attr="datetime" | "date"))
            ) if attribute in CLOCKS:
                yield node, f"datetime.{attribute}"
            case _:
                pass


def _worldly(module: str) -> bool:
    return module.partition(".")[0] in WORLDLY


@pytest.mark.parametrize(
    "path", [path for room in PURE for path in python_files(PACKAGE / room)], ids=short
)
def test_the_module_is_pure(path: Path) -> None:
    """What is read and written depends on nothing but what is handed in."""
    assert impurities(syntax_of(path)) == []


@pytest.mark.parametrize("room", PURE)
def test_every_pure_room_is_looked_into(room: str) -> None:
    """A room that was renamed is not quietly let off."""
    assert python_files(PACKAGE / room)


@pytest.mark.parametrize(
    "line",
    [
        "import time",
        "import os.path as path",
        "from asyncio import sleep",
        "from uuid import uuid4",
        "def read():\n    import random",
        "amount = float('1.5')",
        "datetime.now(tz=UTC)",
        "datetime.datetime.utcnow()",
        "date.today()",
        "clock = datetime.now",
    ],
)
def test_an_impurity_is_noticed(line: str) -> None:
    """The search above finds what it looks for."""
    assert impurities(ast.parse(line))


@pytest.mark.parametrize(
    "line", ["from datetime import date, time", "isinstance(value, float)", "context.now"]
)
def test_what_only_resembles_an_impurity_passes(line: str) -> None:
    """A type is no conversion, and a moment that was handed in is no clock."""
    assert impurities(ast.parse(line)) == []
