"""Errors: everything that is wrong is told at once, under its gravest name."""

import pytest

from gateway.errors import (
    MAX_CANDIDATES,
    MAX_FAULTS,
    AmbiguousReference,
    ConnectionDisabled,
    Fault,
    Faults,
    Indeterminate,
    NotRepresentable,
    Partial,
    Rejected,
    StaleVersion,
    UnknownCustomField,
    UnknownReference,
    Unsupported,
    ValidationFailed,
    VendorReply,
)


def test_without_a_fault_nothing_is_raised() -> None:
    Faults().raise_if_any()


def test_one_fault_is_told_in_its_own_words() -> None:
    faults = Faults()
    faults.add(Unsupported, "/name", "the vendor cannot change name")
    with pytest.raises(Unsupported) as caught:
        faults.raise_if_any()
    assert caught.value.message == "the vendor cannot change name"
    assert caught.value.outcome == "not_applied"


def test_several_faults_come_under_the_gravest_with_the_others_beside_it() -> None:
    faults = Faults()
    faults.add(UnknownReference, "/stage/name", "no such stage", ["a"])
    faults.add(NotRepresentable, "/value/amount", "too fine", ["10", "11"])
    faults.add(UnknownReference, "/owner/email", "no such owner")
    with pytest.raises(NotRepresentable) as caught:
        faults.raise_if_any()
    assert caught.value.message == "too fine (and 2 more, see errors)"
    assert caught.value.faults == (
        Fault(
            code="unknown-reference",
            detail="no such stage",
            pointer="/stage/name",
            allowed=("a",),
        ),
        Fault(
            code="value-not-representable",
            detail="too fine",
            pointer="/value/amount",
            allowed=("10", "11"),
        ),
        Fault(code="unknown-reference", detail="no such owner", pointer="/owner/email"),
    )


KINDS = (
    ValidationFailed,
    Unsupported,
    NotRepresentable,
    UnknownCustomField,
    UnknownReference,
    AmbiguousReference,
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_can_be_gathered(kind: type[Rejected]) -> None:
    faults = Faults()
    faults.add(AmbiguousReference, "/a", "a")
    faults.add(kind, "/b", "b")
    with pytest.raises(kind):
        faults.raise_if_any()


def test_candidates_are_cut_to_what_a_person_can_read() -> None:
    faults = Faults()
    faults.add(UnknownReference, "/a", "a", range(100))
    assert faults.found[0].allowed == tuple(range(MAX_CANDIDATES))


def test_an_error_carries_what_a_caller_needs_to_go_on() -> None:
    reply = VendorReply(status=500)
    assert StaleVersion("m", etag='"e"').etag == '"e"'
    assert ConnectionDisabled("m", retry_after=60).retry_after == 60
    assert Partial("m", applied=["/name"], reply=reply).applied == ("/name",)
    assert Indeterminate("m", reply=reply).reply == reply


def test_no_more_faults_are_told_than_a_person_can_read() -> None:
    """A body of a megabyte has room for a hundred thousand, each of which costs its telling."""
    faults = Faults()
    for each in range(MAX_FAULTS + 10):
        faults.add(ValidationFailed, f"/{each}", "wrong")
    assert len(faults.found) == MAX_FAULTS
