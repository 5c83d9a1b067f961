"""Capabilities: four cells to a field, and what each means."""

import pytest

from gateway.canonical.capabilities import (
    NATIVE,
    NOTHING,
    READ_DERIVED,
    READ_ONLY,
    SUPPORTS,
    Action,
    Can,
    SideEffect,
)

ACTIONS: tuple[Action, ...] = ("read", "create", "update", "clear")


@pytest.mark.parametrize("support", SUPPORTS)
@pytest.mark.parametrize("action", ACTIONS)
def test_only_an_unsupported_cell_is_refused(action: Action, support: str) -> None:
    """Where the vendor's pages are silent, the gateway tries and checks the answer."""
    can = NOTHING.model_copy(update={action: support})
    assert can.does(action) is (support != "unsupported")
    assert [other for other in ACTIONS if other != action and can.does(other)] == []


@pytest.mark.parametrize(
    ("can", "does"),
    [
        (NATIVE, ["read", "create", "update", "clear"]),
        (READ_ONLY, ["read"]),
        (READ_DERIVED, ["read"]),
        (NOTHING, []),
        (Can(clear="unsupported"), ["read", "create", "update"]),
    ],
)
def test_the_usual_rows_are_what_they_are_called(can: Can, does: list[str]) -> None:
    assert [action for action in ACTIONS if can.does(action)] == does


@pytest.mark.parametrize(
    ("of", "names", "follows"),
    [
        (("*",), ["name"], True),
        (("stage", "status"), ["name", "stage"], True),
        (("stage",), ["name"], False),
        (("stage",), [], False),
    ],
)
def test_a_side_effect_follows_from_the_fields_that_it_names(
    of: tuple[str, ...], names: list[str], follows: bool
) -> None:
    assert SideEffect(when="w", effect="e", of=of).follows("update", names) is follows


def test_a_side_effect_follows_from_the_operations_that_it_names() -> None:
    """From both writes of fields where it names none, and never from a delete."""
    of_any, of_updates = (
        SideEffect(when="w", effect="e"), SideEffect(when="w", effect="e", on=("update",))
    )  # fmt: skip
    operations = ("create", "update", "delete")
    assert [of_any.follows(each, ["name"]) for each in operations] == [True, True, False]
    assert [of_updates.follows(each, ["name"]) for each in operations] == [False, True, False]


def test_a_side_effect_of_lenient_handling_does_not_follow_under_strict() -> None:
    effect = SideEffect(when="w", effect="e", lenient_only=True)
    assert effect.follows("update", ["name"], lenient=True)
    assert not effect.follows("update", ["name"])
