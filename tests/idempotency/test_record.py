"""The record itself: where it lies, and how it is read."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.idempotency import addresses, record, transitions
from gateway.idempotency.record import Evidence, Fingerprint, Sought, Step
from gateway.idempotency.redis import OF_A_LEASE
from gateway.shared import scripts

SCRIPTS = scripts.load("gateway.idempotency", alone=OF_A_LEASE)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
FIELDS = {
    "st": b"claimed",
    "fp": b"00ff",
    "fpv": b"1 a key's id, with blanks",
    "own": b"a",
    "f": b"3",
    "v": b"1",
}


def test_the_address_of_a_key_is_the_same_for_ever() -> None:
    """A release that changed it would run every key a second time."""
    parts = b"uog1\x00production\x00billing\x00k\xff"
    expected = hashlib.sha256(parts).hexdigest()[:32]
    assert addresses.address("production", "billing", b"k\xff") == expected
    assert addresses.address("production", "billing", b"k") == "687d87b6884f906ef10bf84f3b8240eb"


@given(one=st.tuples(TEXT, TEXT, TEXT), other=st.tuples(TEXT, TEXT, TEXT))
def test_no_two_callers_and_no_two_keys_meet(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    """Also not where one's name ends as the other's key begins."""
    found = [addresses.address(env, caller, key.encode()) for env, caller, key in (one, other)]
    assert (found[0] == found[1]) == (one == other)


@given(key=st.binary(max_size=40))
def test_no_text_of_a_client_is_in_a_place(key: bytes) -> None:
    """Braces would choose the node."""
    hex32 = addresses.address("production", "billing", key)
    assert addresses.record_key(hex32) == f"uog:1:{{b{hex32[:2]}}}:op:{hex32}"
    assert addresses.operation_id(hex32) == f"op_{hex32}"
    assert addresses.bucket(hex32) in addresses.BUCKETS


def test_every_place_has_the_tag_of_its_bucket() -> None:
    """Leases lie in buckets of their own."""
    assert addresses.open_key("07") == "uog:1:{b07}:open"
    assert addresses.ended_key("07") == "uog:1:{b07}:ended"
    assert addresses.highwater_key("07") == "uog:1:{b07}:hw"
    lease = addresses.lease_address("production", "acme-one", "8H")
    assert addresses.lease_key(lease) == f"uog:1:{{r{lease[:2]}}}:w:{lease}"
    assert len(set(addresses.BUCKETS)) == 256


def test_a_record_is_read_with_what_it_lacks_left_out() -> None:
    """Numbers that are not there are 0, everything else is None or empty."""
    found = record.Record("ab", FIELDS)
    assert (found.state, found.owner, found.fence, found.attempts) == ("claimed", "a", 3, 0)
    assert found.fingerprint == Fingerprint(
        version=1, key_id="a key's id, with blanks", digest=b"\x00\xff"
    )
    assert found.key_ids == ("a key's id, with blanks",)
    assert (found.steps, found.evidence) == ((), ())
    assert {found.marker, found.answer, found.answer_status, found.code, found.resolved_by} == {
        None
    }


def test_steps_and_evidence_are_read() -> None:
    """A reply as bytes, a line of evidence with its time."""
    found = record.Record(
        "ab",
        {
            **FIELDS,
            "steps": b'[{"name":"create","st":"done","reply":"AP8="}]',
            "ev": b'[17,"searched","a \\"hit\\""]\n[18,"parked",""]\n',
        },
    )
    assert found.steps == (Step(name="create", done=True, reply=b"\x00\xff"),)
    assert found.evidence == (Evidence(17, "searched", 'a "hit"'), Evidence(18, "parked", ""))


def test_nothing_sealed_is_shown() -> None:
    """A record in a log tells how it stands, and no ciphertext."""
    found = record.Record(
        "ab",
        {
            **FIELDS,
            **dict.fromkeys(("req", "resp", "pre"), b"SEALED"),
            "steps": b'[{"name":"create","st":"done","reply":"U0VBTEVE"}]',
        },
    )
    assert (found.request, found.steps[0].reply) == (b"SEALED", b"SEALED")
    assert "SEALED" not in repr(found)


@pytest.mark.parametrize("name", sorted(record.FACTS))
def test_a_fact_is_a_member_of_the_record(name: str) -> None:
    """And no field that a script decides by."""
    assert hasattr(record.Record("ab", {**FIELDS, record.FACTS[name]: b"told"}), name)
    decisive = {"st", "own", "f", "at", "df", "un", "lu", "fp", "fpv", "steps", "resp", "g"}
    assert record.FACTS[name] not in decisive


def test_what_is_sought_is_any_where_nothing_is_said() -> None:
    """An empty choice is none, not any."""
    about = {"state": "claimed", "result": "", "caller": "billing", "connection": "acme-one"}
    assert Sought().fits(**about, t0=1)
    assert not Sought(connections=()).fits(**about, t0=1)
    assert not Sought(states=()).any_of(record.OPEN)


def test_every_script_has_its_twin() -> None:
    """Those of a lease touch no record, and memory spells them out."""
    assert SCRIPTS.keys() == transitions.SCRIPTS.keys() | OF_A_LEASE


def test_a_script_tells_what_it_does() -> None:
    """In its first line; those of a record begin with the preamble, and are known by their hash."""
    for script in SCRIPTS.values():
        assert script.text.startswith("-- ")
        assert ("local function enter(" in script.text) == (script.name not in OF_A_LEASE)
        assert script.sha == hashlib.sha1(script.text.encode()).hexdigest()  # noqa: S324
