"""Stages, pipelines, statuses: every shape that vendors draw them in."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.canonical.opportunity import PipelineRef, StageRef
from gateway.canonical.pipeline import PipelineName, Stage
from gateway.errors import UnknownReference
from gateway.normalizer.notation import Context, Unreadable
from gateway.normalizer.references import NumericId
from gateway.normalizer.stages import (
    MappedStatus,
    NestedPipeline,
    NestedStage,
    SiblingStage,
    StatusOfStage,
)
from gateway.translator import Options
from tests.normalizer.acme import context

CONTEXT = context(stage_status={"s9": "lost", "7": "won"})
DRAWN = {"id": "s9", "label": "Lost", "rank": 3, "odds": Decimal("0.5"), "hue": "red", "more": 1}

NESTED = NestedStage(
    "stage", "stage_id", name="label", order="rank", probability="odds", color="hue"
)


def test_a_nested_stage_is_read_with_all_that_it_shows() -> None:
    """The object stays in the vendor's fields: it may show more."""
    reading = NESTED.read({"stage": DRAWN, "stage_id": "s9"}, CONTEXT)
    assert reading.value == Stage(
        id="s9", name="Lost", order=3, probability=Decimal("0.5"), status="lost", color="red"
    )
    assert tuple(reading.whole) == ("stage_id",)


@pytest.mark.parametrize(
    ("view", "stage"),
    [
        ({"stage": None, "stage_id": "s9"}, Stage(id="s9")),
        ({"stage_id": "s9"}, Stage(id="s9")),
        ({"stage": None, "stage_id": None}, None),
        ({}, None),
        ({"stage": {"id": "s1", "rank": "third", "label": 5}}, Stage(id="s1")),
    ],
)
def test_a_nested_stage_may_show_less(view: dict[str, Any], stage: Stage | None) -> None:
    assert NESTED.read(view, context()).value == stage


@pytest.mark.parametrize(
    "view", [{"stage": "s9"}, {"stage": {"label": "x"}}, {"stage": {"id": "s", "odds": "half"}}]
)
def test_a_stage_that_cannot_be_told_is_unreadable(view: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        NESTED.read(view, CONTEXT)


def test_two_ids_of_one_stage_that_disagree_are_both_shown() -> None:
    reading = NESTED.read({"stage": DRAWN, "stage_id": "s1"}, CONTEXT)
    assert tuple(reading.whole) == ()


def test_a_stage_under_one_key_both_ways_keeps_its_object() -> None:
    same = NestedStage("stage", "stage")
    assert tuple(same.read({"stage": DRAWN}, CONTEXT).whole) == ()
    assert same.keys == ("stage",)


def test_a_nested_stage_is_written_as_its_id() -> None:
    numeric = NestedStage("phase", "phase_id", id=NumericId())
    assert numeric.write("7", CONTEXT) == {"phase_id": 7}
    assert numeric.clear(CONTEXT) == {"phase_id": None}
    assert numeric.misfit(StageRef(name="Won"), CONTEXT) is None
    misfit = numeric.misfit(StageRef(id="x"), CONTEXT)
    assert misfit is not None
    assert misfit.kind is UnknownReference


def test_a_status_follows_from_the_stage_where_the_vendor_does_not_say() -> None:
    status = StatusOfStage(NESTED)
    assert status.through == "stage"
    assert status.read({"stage": DRAWN}, CONTEXT).value == "lost"
    assert status.read({"stage": {"id": "s1"}}, CONTEXT).value is None
    assert status.read({}, CONTEXT).value is None


SPREAD = SiblingStage("stage_id", "stage_name", "kind", {"running": "open"})


def test_a_stage_spread_over_keys_is_held_whole_by_them() -> None:
    reading = SPREAD.read({"stage_id": "s1", "stage_name": "New", "kind": "running"}, CONTEXT)
    assert reading.value == Stage(id="s1", name="New", status="open")
    assert set(reading.whole) == {"stage_id", "stage_name"}


@pytest.mark.parametrize("kind", [None, "parked", 5, ["running"], {"running": 1}])
def test_a_type_of_stage_without_a_word_is_no_status(kind: Any) -> None:
    assert SPREAD.read({"stage_id": "s1", "kind": kind}, CONTEXT).value == Stage(id="s1")


def test_a_label_that_is_no_text_is_not_passed_over() -> None:
    reading = SPREAD.read({"stage_id": "s1", "stage_name": {"en": "New"}}, CONTEXT)
    assert tuple(reading.whole) == ("stage_id",)


def test_a_stage_spread_over_keys_is_written_by_its_id() -> None:
    assert SPREAD.write("s1", CONTEXT) == {"stage_id": "s1"}
    assert SPREAD.clear(CONTEXT) == {"stage_id": None}
    assert SPREAD.read({}, CONTEXT).value is None
    with pytest.raises(Unreadable, match="stage_id is not a text"):
        SPREAD.read({"stage_id": 5}, CONTEXT)


def test_a_status_in_a_word_is_written_through_the_stage() -> None:
    status = SPREAD.status()
    assert status.through == "stage"
    assert status.read({"kind": "running"}, CONTEXT).value == "open"
    assert status.read({}, CONTEXT).value is None


@pytest.mark.parametrize("kind", ["parked", "", 5, ["running"], {}])
def test_a_status_without_a_canonical_word_is_unreadable(kind: Any) -> None:
    with pytest.raises(Unreadable, match="no canonical word"):
        SPREAD.status().read({"kind": kind}, CONTEXT)


PIPELINE = NestedPipeline("pipeline_id", object_key="pipeline", name_key="pipeline_name")
SALES = PipelineName(id="p1", name="Sales")


@pytest.mark.parametrize(
    ("view", "value", "whole"),
    [
        ({"pipeline_id": "p1", "pipeline_name": "Sales"}, SALES, {"pipeline_id", "pipeline_name"}),
        ({"pipeline_id": "p1", "pipeline": {"id": "p1", "name": "Sales"}}, SALES, {"pipeline_id"}),
        ({"pipeline_id": "p2", "pipeline": {"id": "p1", "name": "Sales"}}, SALES, set()),
        ({"pipeline_id": "p1", "pipeline_name": 5}, PipelineName(id="p1"), {"pipeline_id"}),
        ({"pipeline_id": None, "pipeline": None}, None, set()),
    ],
)
def test_a_pipeline_is_read_as_an_object_or_as_keys(
    view: dict[str, Any], value: PipelineName | None, whole: set[str]
) -> None:
    reading = PIPELINE.read(view, CONTEXT)
    assert (reading.value, set(reading.whole)) == (value, whole)


def test_a_pipeline_is_written_as_its_id_and_nothing_else() -> None:
    assert PIPELINE.write("p1", CONTEXT) == {"pipeline_id": "p1"}
    assert PIPELINE.clear(CONTEXT) == {"pipeline_id": None}
    numeric = NestedPipeline("workflow_id", id=NumericId())
    assert numeric.write("7", CONTEXT) == {"workflow_id": 7}
    assert numeric.misfit(PipelineRef(id="x"), CONTEXT) is not None
    assert numeric.misfit(PipelineRef(name="x"), CONTEXT) is None


MAPPED = MappedStatus("state", {"ACTIVE": "open", "DONE": "won", "SOLD": "won"}, "status_map")


class Mapping(Options):
    """An option that maps a vendor's words anew."""

    status_map: dict[str, str] | None = None


REMAPPED = context(options=Mapping(status_map={"DONE": "lost"}))


@pytest.mark.parametrize(
    ("where", "word", "status"),
    [(context(), "SOLD", "won"), (context(), None, None), (REMAPPED, "DONE", "lost")],
)
def test_a_status_of_its_own_is_read_in_the_words_that_hold(
    where: Context, word: str | None, status: str | None
) -> None:
    assert MAPPED.read({"state": word}, where).value == status
    assert MAPPED.owns("state")


@pytest.mark.parametrize("word", ["ACTIVE", 5, ["DONE"], {}])
def test_a_word_that_is_not_mapped_is_no_status(word: Any) -> None:
    with pytest.raises(Unreadable, match="status_map does not map"):
        MAPPED.read({"state": word}, REMAPPED)


def test_a_status_of_several_words_is_written_as_the_first() -> None:
    """The word itself stays in the vendor's fields: two of them mean the same."""
    assert MAPPED.words_for("won", context()) == ("DONE", "SOLD")
    assert MAPPED.write("won", context()) == {"state": "DONE"}
    assert tuple(MAPPED.read({"state": "SOLD"}, context()).whole) == ()


def test_a_status_without_a_word_is_refused_with_those_that_have_one() -> None:
    assert MAPPED.misfit("won", context()) is None
    misfit = MAPPED.misfit("on_hold", context())
    assert misfit is not None
    assert misfit.allowed == ("open", "won")
