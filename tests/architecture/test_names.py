"""Vendors are named in their own rooms only, and no file's name is a confession."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.source_tree import (
    PACKAGE,
    ROOT,
    committed_files,
    python_files,
    short,
    syntax_of,
    text_of,
)

VENDORS = sorted(
    path.stem for path in python_files(PACKAGE / "vendors") if not path.stem.startswith("_")
)
ENGLISH = {"close"}
"""Vendors whose name is an English word too: only the forms that can mean the vendor count."""

ROOMS = (PACKAGE / "vendors", PACKAGE / "sandbox", PACKAGE / "demo")
"""Where a vendor may be named."""

CONFESSIONS = {
    *("base", "common", "core", "misc"),
    *("handler", "handlers", "helper", "helpers", "manager", "managers"),
    *("repositories", "repository", "schemas", "service", "services", "util", "utils"),
}


def vendor_names_in(text: str, vendors: list[str]) -> list[str]:
    """The places in a text where one of the vendors is named."""
    return [
        match.group()
        for vendor in vendors
        for match in re.finditer(_english(vendor) if vendor in ENGLISH else f"(?i){vendor}", text)
    ]


def _english(word: str) -> str:
    """Matches a word as data, as a module, as a constant and as a proper name, not as a verb."""
    name = word.capitalize()
    forms = (
        rf"(?<![\w])[\"']{word}[\"']",  # a string of its own (b"close" is a header's value)
        rf"\b{word}\.(?:py|md|json|com|io)\b",
        rf"\bapi\.{word}\b",
        rf"\b(?:vendors|sandbox)[./]{word}\b",
        rf"\bimport {word}\b",
        rf"\b{word.upper()}\b",
        rf"\b{name}(?:['’]s|[A-Z]\w*)",  # Close's, CloseOptions
        rf"(?<=[a-z,] ){name}\b",  # a capital in mid-sentence
    )
    return "|".join(forms)


def confessing(path: Path) -> bool:
    """Whether a word of the name of the file, or of a folder above it, says nothing."""
    names = (part.split(".")[0] for part in path.parts)
    return any(word in CONFESSIONS for name in names for word in name.lower().split("_"))


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in committed_files()
        if PACKAGE in path.parents and not any(room in (path, *path.parents) for room in ROOMS)
    ],
    ids=short,
)
def test_no_vendor_is_named_outside_its_rooms(path: Path) -> None:
    """The gateway knows vendors by what they declare, so that a fifth needs no edit."""
    vendors = [name for name in VENDORS if path.suffix == ".py" or name not in ENGLISH]
    assert vendor_names_in(text_of(path) or "", vendors) == []
    assert vendor_names_in(path.name, vendors) == []


def test_the_english_names_belong_to_vendors() -> None:
    """The vendors are found, and no exception outlives its vendor."""
    assert set(VENDORS) >= ENGLISH


@pytest.mark.parametrize(
    "sentence",
    [
        "if vendor == 'close':",
        'NAMES = ("open", "close")',
        "see close.md 3.2",
        "from gateway.vendors.close import CLOSE",
        "from gateway.vendors import close",
        "https://api.close.com/api/v1",
        "as Close does it",
        "Close's double date_won",
        "class CloseOptions:",
        "SLANT",
        "class ReevoQuery:",
        "coperniq_id = 1",
    ],
)
def test_a_vendor_is_noticed_in_every_form(sentence: str) -> None:
    """The search above finds what it looks for."""
    assert vendor_names_in(sentence, ["close", "coperniq", "reevo", "slant"])


@pytest.mark.parametrize(
    "sentence",
    [
        "generator.close()",
        "# Close the pool before the loop ends.",
        "expected_close_date: date",
        'headers.append((b"connection", b"close"))',
        "async def aclose(self) -> None:",
        "closed_at, disclosed, enclose",
    ],
)
def test_the_english_word_is_not_taken_for_the_vendor(sentence: str) -> None:
    """A verb is no vendor."""
    assert vendor_names_in(sentence, ["close"]) == []


def test_no_file_has_a_name_that_confesses() -> None:
    """A name says what is in the file, not that something had to lie somewhere."""
    code = (path for path in committed_files() if path.suffix in {".py", ".lua", ".js"})
    names = (path.relative_to(ROOT) for path in code)
    assert [name.as_posix() for name in names if confessing(name)] == []


@pytest.mark.parametrize("name", ["api/utils.py", "engine/base_vendor.py", "common/money.py"])
def test_a_confession_is_noticed(name: str) -> None:
    """The search above finds what it looks for."""
    assert confessing(Path(name))


@pytest.mark.parametrize("path", python_files(PACKAGE), ids=short)
def test_every_module_says_what_it_is(path: Path) -> None:
    """A module opens with a docstring."""
    assert ast.get_docstring(syntax_of(path))
