"""The checker finds what it is there for: every invariant is broken once on purpose."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.faults.checker import breaches
from tests.faults.history import Effect, History, Kept, Mismatch, Said, Terms, Wish

HISTORIES = Path(__file__).parent / "histories"
WISH = Wish(
    caller="billing",
    key="k-1",
    tag="tag-one",
    action="create",
    connection="acme-close",
    steps=("create",),
)
OTHER = replace(WISH, tag="tag-two")
STRANGER = replace(WISH, caller="sales", tag="tag-three")
MADE = {"id": "acme-close.oppo_1", "name": "tag-one"}
EFFECT = Effect(seq=1, effect="create", record_id="oppo_1", tag="tag-one")
KEPT = Kept(
    hex32="00" * 16,
    state="completed",
    outcome="applied",
    opportunity_id="acme-close.oppo_1",
    ttl_ms=3 * 24 * 3600 * 1000,
)


def said(status: int | None, body: Any = None, wish: Wish = WISH, **headers: str) -> Said:
    """A try and its answer; keywords are headers."""
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    text = "" if body is None else json.dumps(body)
    return Said(wish=wish, asked=1.0, heard=2.0, status=status, headers=spelled, body=text)


def problem(code: str, outcome: str, **members: Any) -> dict[str, Any]:
    """A problem's members."""
    return {"type": f"/problems/{code}", "code": code, "outcome": outcome, **members}


CREATED = said(201, MADE, idempotency_status="created", etag='"1"')
REPLAYED = replace(
    CREATED,
    headers={
        "idempotency-status": "replayed",
        "idempotent-replayed": "true",
        "etag": '"1"',
    },
)
REFUSED = said(422, problem("vendor-rejected", "not_applied"), idempotent_replayed="true")
UNKNOWN = said(504, problem("outcome-indeterminate", "unknown"))
REUSED = said(422, problem("idempotency-key-reused", "not_applied"), OTHER)
PARTIAL = said(502, problem("partially-applied", "partial", opportunity_id=MADE["id"]))
TWO_STEPS = replace(WISH, steps=("create", "update"))


def sound() -> History:
    """A history that breaks nothing."""
    kept = {"billing k-1": KEPT}
    return History(said=[CREATED, REPLAYED], effects=[EFFECT], kept=kept)


def kept(**members: Any) -> dict[str, Kept]:
    """The record, otherwise."""
    return {"billing k-1": replace(KEPT, **members)}


def changed(**members: Any) -> History:
    """A sound history with some of its members replaced."""
    return replace(sound(), **members)


SECOND = replace(EFFECT, seq=2)
PLANTED: list[tuple[str, str, History]] = [
    ("I1", "a step twice", changed(effects=[EFFECT, SECOND])),
    (
        "I1",
        "an effect nobody asked for",
        changed(effects=[EFFECT, replace(SECOND, tag="tag-nobody")]),
    ),
    ("I1", "an effect without a tag", changed(effects=[EFFECT, replace(SECOND, tag=None)])),
    (
        "I1",
        "an effect that is no step",
        changed(effects=[EFFECT, replace(SECOND, effect="update")]),
    ),
    (
        "I1",
        "two payloads of one key",
        changed(
            said=[CREATED, said(201, MADE, OTHER)], effects=[EFFECT, replace(SECOND, tag="tag-two")]
        ),
    ),
    (
        "I2",
        "a replay with another byte",
        changed(said=[CREATED, replace(REPLAYED, body=REPLAYED.body + " ")]),
    ),
    (
        "I2",
        "a replay with another header",
        changed(said=[CREATED, replace(REPLAYED, headers={**REPLAYED.headers, "etag": '"2"'})]),
    ),
    ("I2", "a replay with another status", changed(said=[REPLAYED, replace(REPLAYED, status=200)])),
    (
        "I2",
        "two ids",
        changed(
            said=[CREATED, said(201, {**MADE, "id": "acme-close.oppo_2"})],
        ),
    ),
    ("I3", "applied without an effect", changed(effects=[])),
    ("I3", "applied at another record", changed(effects=[replace(EFFECT, record_id="oppo_2")])),
    ("I3", "applied with a step missing", changed(said=[replace(CREATED, wish=TWO_STEPS)])),
    (
        "I3",
        "partial with the last step done",
        changed(
            said=[replace(PARTIAL, wish=TWO_STEPS)],
            effects=[EFFECT, replace(SECOND, effect="update")],
        ),
    ),
    (
        "I3",
        "partial without the first",
        changed(said=[replace(PARTIAL, wish=TWO_STEPS)], effects=[]),
    ),
    (
        "I4",
        "refused with an effect",
        changed(said=[said(503, problem("vendor-unavailable", "not_applied"))]),
    ),
    ("I4", "stored as refused with an effect", changed(said=[UNKNOWN, REFUSED])),
    ("I5", "an effect without a record", changed(kept={})),
    ("I5", "an effect recorded as refused", changed(kept=kept(outcome="not_applied"))),
    (
        "I5",
        "an effect recorded as not applied",
        changed(kept=kept(state="not_applied", outcome=None)),
    ),
    ("I6", "a record under way", changed(kept=kept(state="dispatched"))),
    ("I6", "an index that is not empty", changed(still_open=["00" * 16])),
    ("I7", "two requests answered", changed(said=[CREATED, said(201, MADE, OTHER)])),
    (
        "I7",
        "a mismatch that ran",
        changed(said=[CREATED, REUSED], effects=[EFFECT, replace(SECOND, tag="tag-two")]),
    ),
    (
        "I7",
        "a mismatch that left a trace",
        changed(mismatches=[Mismatch(hex32="00", before={"lu": "1"}, after={"lu": "2"})]),
    ),
    ("I8", "a record without an end", changed(kept=kept(ttl_ms=-1))),
    ("I8", "an open record that ends soon", changed(kept=kept(state="reconciling", ttl_ms=1000))),
    ("I9", "a key in the log", changed(logs=["sent k-1"])),
    ("I9", "a body in the log", changed(logs=['{"name": "tag-one roof"}'])),
    (
        "I9",
        "a secret in the log",
        changed(logs=["Bearer s3cret"], terms=Terms(secrets=("s3cret",))),
    ),
    ("I10", "an answer to a stranger", changed(said=[CREATED, said(201, MADE, STRANGER)])),
]


@pytest.mark.parametrize(
    ("invariant", "history"),
    [(invariant, story) for invariant, _, story in PLANTED],
    ids=[f"{invariant} {name}" for invariant, name, _ in PLANTED],
)
def test_a_breach_is_found(invariant: str, history: History) -> None:
    """Each of these histories breaks the invariant that stands beside it."""
    assert invariant in {breach.invariant for breach in breaches(history)}


HARMLESS: list[tuple[str, History]] = [
    ("an answer and its replay", sound()),
    (
        "a mismatch that changed nothing",
        changed(
            said=[CREATED, REUSED],
            mismatches=[Mismatch(hex32="00", before={"f": "1"}, after={"f": "1"})],
        ),
    ),
    (
        "an outcome that nobody knows",
        changed(said=[UNKNOWN], kept=kept(state="indeterminate", outcome=None)),
    ),
    (
        "a refusal without an effect",
        changed(said=[REFUSED], effects=[], kept=kept(outcome="not_applied", opportunity_id=None)),
    ),
    (
        "the vendor's own answer, not stored, and one rebuilt",
        changed(
            said=[
                said(201, MADE, idempotency_status="not-stored"),
                said(
                    201,
                    {**MADE, "warnings": [{"code": "reconstructed"}]},
                    idempotent_replayed="true",
                ),
            ]
        ),
    ),
    (
        "one of two steps refused",
        changed(said=[replace(PARTIAL, wish=TWO_STEPS)], kept=kept(outcome="partial")),
    ),
    (
        "a vendor that did it twice by itself",
        changed(effects=[EFFECT, SECOND], terms=Terms(doubled=frozenset(("tag-one",)))),
    ),
    ("a store that was emptied", changed(kept={}, terms=Terms(emptied=True))),
    (
        "a try that was turned away, and one that was not",
        changed(said=[said(503, problem("store-unavailable", "not_applied")), CREATED]),
    ),
    ("an answer that got lost", changed(said=[said(None), said(502, "oops")])),
]


@pytest.mark.parametrize(
    "history", [story for _, story in HARMLESS], ids=[name for name, _ in HARMLESS]
)
def test_nothing_is_found_where_nothing_is(history: History) -> None:
    """None of these breaks anything."""
    assert breaches(history) == []


def test_a_kept_history_comes_back_whole(tmp_path: Path) -> None:
    """So that the checker judges it as before."""
    stories = [*(story for *_, story in PLANTED), *(story for _, story in HARMLESS)]
    for number, story in enumerate(stories):
        file = tmp_path / f"{number}.jsonl"
        story.write(file)
        assert History.read(file) == story


@pytest.mark.parametrize("file", sorted(HISTORIES.glob("*.jsonl")), ids=lambda file: file.stem)
def test_what_once_broke_is_still_seen(file: Path) -> None:
    """A history that was kept because it broke the invariant it is named for, still does."""
    invariant = file.stem.split("-")[0]
    assert invariant in {breach.invariant for breach in breaches(History.read(file))}


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (CREATED, "ok"),
        (said(204), "ok"),
        (said(502, problem("vendor-bad-response", "applied")), "ok"),
        (REFUSED, "fail"),
        (said(401, {"type": "/problems/unauthenticated", "code": "unauthenticated"}), "fail"),
        (PARTIAL, "partial"),
        (UNKNOWN, "info"),
        (said(409, problem("idempotency-in-progress", "unknown")), "info"),
        (said(502, "<html>"), "info"),
        (said(None), "info"),
    ],
    ids=[
        "made",
        "deleted",
        "applied and unreadable",
        "refused",
        "stranger",
        "in part",
        "unknown",
        "under way",
        "a page of the balancer",
        "nothing",
    ],
)
def test_an_answer_means_what_it_says(answer: Said, meaning: str) -> None:
    """Its words count; a status says little."""
    assert answer.meaning == meaning
