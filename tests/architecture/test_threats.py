"""The threat model says which tests hold it, and they are there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT, syntax_of, text_of

MODEL = ROOT / ".github" / "SECURITY.md"
NODE = re.compile(r"`(?P<path>tests/[\w/]+\.py)(?:::(?P<name>\w+))?`")
DIVIDER = re.compile(r"[|\- ]+")


def rows(text: str) -> list[list[str]]:
    """The cells of a page's tables, line by line, without heads and dividers."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    found = [[cell.strip() for cell in line] for line in lines]
    dividers = {place for place, cells in enumerate(found) if DIVIDER.fullmatch("".join(cells))}
    heads = {place - 1 for place in dividers}
    return [cells for place, cells in enumerate(found) if place not in dividers | heads]


def missing(text: str, root: Path = ROOT) -> Iterator[str]:
    """The tests that a text names, and that are not there."""
    for node in NODE.finditer(text):
        path, name = root / node["path"], node["name"]
        if not path.is_file() or (name is not None and name not in _tests(path)):
            yield node[0]


def _tests(path: Path) -> set[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        node.name
        for node in syntax_of(path).body
        if isinstance(node, functions) and node.name.startswith("test_")
    }


def test_every_named_test_is_there() -> None:
    """A test that was renamed or dropped leaves no line of the model behind."""
    assert list(missing(text_of(MODEL) or "")) == []


def test_every_threat_is_held_by_a_test() -> None:
    """And by what stands against it; the model has lines at all."""
    threats = rows(text_of(MODEL) or "")
    assert len(threats) >= 12
    for threat, against, held in threats:
        assert threat
        assert against
        assert all(node["name"] for node in NODE.finditer(held))
        assert NODE.sub("", held).strip(", ") == "", f"no test: {held}"
        assert NODE.search(held), threat


@pytest.mark.parametrize(
    "text",
    [
        "`tests/architecture/test_threats.py::test_of_nothing`",
        "`tests/architecture/test_nowhere.py`",
        "`tests/architecture/test_nowhere.py::test_every_named_test_is_there`",
        "`tests/architecture/test_threats.py::rows`",
    ],
)
def test_a_missing_test_is_noticed(text: str) -> None:
    """The search above finds what it looks for."""
    assert list(missing(text)) == [text]


def test_a_table_is_read_without_its_head() -> None:
    """And without its divider."""
    assert rows("# A\n| a | b |\n|---|---|\n| 1 | 2 |\ntext\n| 3 | 4 |\n") == [
        ["1", "2"],
        ["3", "4"],
    ]
