"""No document breaks the clients of the last release, and a linter has nothing to say of it."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.api.openapi import printed
from tests.contract.edits import BREAKING, HARMLESS, UNDERHAND, Edit, bumped, edited
from tests.contract.openapi import METHODS, the_document
from tests.contract.redocly import Redocly, needed
from tests.contract.releases import KEPT, LAST, read

Kept = Callable[..., Path]


@pytest.fixture(scope="module")
def redocly() -> Redocly:
    """The linter, and judge of changes."""
    return needed()


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Keeps the present document with edits: `kept(edit, …)`."""

    def keep(*edits: Edit) -> Path:
        path = tmp_path / "edited.json"
        path.write_text(printed(edited(the_document(), *edits)), encoding="utf-8")
        return path

    return keep


def open_values(node: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every known value of an open enumeration, and where it is known."""
    if isinstance(node, Mapping):
        yield from ((where, value) for value in node.get("x-extensible-enum", ()))
        for name, member in node.items():
            yield from open_values(member, f"{where}/{name}")
    elif isinstance(node, list):
        for index, member in enumerate(node):
            yield from open_values(member, f"{where}/{index}")


def tags(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The tags of every operation."""
    for item in document["paths"].values():
        for method in METHODS:
            if method in item:
                yield from ((item[method]["operationId"], tag) for tag in item[method]["tags"])


def taken_away(base: Mapping[str, Any], revision: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What callers and generated clients lean on beyond what a general tool compares."""
    components = "components"
    lost = {*open_values(base[components])} - {*open_values(revision[components])}
    return sorted(lost | ({*tags(base)} - {*tags(revision)}))


def test_the_linter_has_nothing_to_say(redocly: Redocly) -> None:
    """No error and no warning by the recommended rules."""
    assert redocly.lint(KEPT) == set()


def test_the_linter_warns(redocly: Redocly, kept: Kept) -> None:
    """An example of another type and a component that nothing uses are worth a word to it."""

    def spoil(document: dict[str, Any]) -> None:
        examples = document["components"]["examples"]
        examples["left-over"] = examples["401-unauthenticated"]
        document["components"]["schemas"]["LeftOver"] = {"type": "string"}
        listing = document["paths"]["/v1/opportunities"]["get"]
        next(each for each in listing["parameters"] if each["name"] == "limit")["example"] = "two"

    found = redocly.lint(kept(spoil))
    assert {"no-invalid-parameter-examples", "no-unused-components"} <= found


def test_the_document_breaks_no_client_of_the_last_release(redocly: Redocly) -> None:
    """And its version says how much it adds."""
    assert redocly.diff(LAST, KEPT, "--check-version") == (True, set())


def test_the_document_takes_nothing_away_that_the_last_release_told() -> None:
    """No known value and no tag."""
    assert taken_away(read(LAST), the_document()) == []


@pytest.mark.parametrize("what", BREAKING)
def test_a_breaking_edit_is_noticed(redocly: Redocly, kept: Kept, what: str) -> None:
    """Each for what it is."""
    edit, rule = BREAKING[what]
    passed, rules = redocly.diff(KEPT, kept(edit))
    assert not passed
    assert rule in rules


@pytest.mark.parametrize("what", UNDERHAND)
def test_what_is_taken_away_is_noticed(what: str) -> None:
    """Each kind of it."""
    revision = edited(the_document(), UNDERHAND[what])
    assert len(taken_away(the_document(), revision)) == 1


def test_additions_break_nothing(redocly: Redocly, kept: Kept) -> None:
    """All that the promise to callers allows, but with the next version."""
    revision = kept(*HARMLESS)
    assert redocly.diff(KEPT, revision) == (True, set())
    assert redocly.diff(KEPT, revision, "--check-version") == (False, set())
    assert redocly.diff(KEPT, kept(*HARMLESS, bumped), "--check-version") == (True, set())
    assert taken_away(the_document(), edited(the_document(), *HARMLESS)) == []
