"""Stored requests and answers: sealed to their record and member, with keys that can be rotated."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.idempotency.sealing import BrokenSeal, EncryptionKey, KeyGone, SealError, Sealing

RECORD = "00112233445566778899aabbccddeeff"
OTHER_RECORD = "ffeeddccbbaa99887766554433221100"
OLD = EncryptionKey("2026-08", bytes(32))
NEW = EncryptionKey("2026-11", bytes(range(32)))
SEALING = Sealing([NEW])
TEXT = b'{"id":"a.1"}'

KNOWN = bytes.fromhex(
    "0107323032362d3131"  # the form, the key's id
    "000000000000000000000000"  # what is chance otherwise
    "6f6a0ff7a4e6e87e195aa60b2e8b0588025171f1602be4b65402a70a"
)
"""`TEXT` as the member resp of `RECORD`, sealed with `NEW` outside of the gateway."""


@given(st.binary(max_size=500), st.text(max_size=20))
def test_what_was_sealed_opens_unchanged(text: bytes, member: str) -> None:
    """Whatever the bytes: bodies are kept as they were, none of them read."""
    assert SEALING.open(RECORD, member, SEALING.seal(RECORD, member, text)) == text


def test_a_seal_of_this_form_opens_for_ever() -> None:
    """A release that reads seals otherwise would lose every record of the one before."""
    assert SEALING.open(RECORD, "resp", KNOWN) == TEXT


def test_a_seal_is_small_and_shows_nothing() -> None:
    """Thirty bytes and the key's id beside the text, which is not in it."""
    seal = SEALING.seal(RECORD, "resp", TEXT)
    assert len(seal) == 30 + len(NEW.id) + len(TEXT)
    assert TEXT not in seal


def test_the_same_text_is_sealed_differently_each_time() -> None:
    """Who reads the store cannot see that two answers are equal."""
    assert len({SEALING.seal(RECORD, "resp", TEXT) for _ in range(10)}) == 10


@pytest.mark.parametrize(("record", "member"), [(OTHER_RECORD, "resp"), (RECORD, "req")])
def test_a_seal_opens_only_where_it_was_made_for(record: str, member: str) -> None:
    """An answer that is moved to another record, or another member, is not given out."""
    seal = SEALING.seal(RECORD, "resp", TEXT)
    with pytest.raises(BrokenSeal):
        SEALING.open(record, member, seal)


@given(st.integers(min_value=0, max_value=len(KNOWN) - 1), st.integers(min_value=1, max_value=255))
def test_a_change_of_any_byte_is_noticed(place: int, change: int) -> None:
    """Who can write to the store cannot plant an answer."""
    seal = bytearray(KNOWN)
    seal[place] ^= change
    with pytest.raises(SealError):
        SEALING.open(RECORD, "resp", bytes(seal))


@given(st.integers(min_value=0, max_value=len(KNOWN) - 1))
def test_a_seal_that_was_cut_is_noticed(length: int) -> None:
    """Also where nothing is left of it."""
    with pytest.raises(SealError):
        SEALING.open(RECORD, "resp", KNOWN[:length])


@given(st.binary(max_size=100))
def test_bytes_that_were_never_sealed_are_refused(stored: bytes) -> None:
    """With an error of ours, whatever they are."""
    with pytest.raises(SealError):
        SEALING.open(RECORD, "resp", stored)


def test_a_seal_of_a_later_form_is_told_as_such() -> None:
    """After a release was taken back, not as if somebody had tampered with it."""
    with pytest.raises(BrokenSeal, match="a form that is not known"):
        SEALING.open(RECORD, "resp", b"\x02" + KNOWN[1:])


def test_the_first_key_seals_and_all_open() -> None:
    """A rotation: the new key goes first, and what the old one sealed is still read."""
    before = Sealing([OLD]).seal(RECORD, "resp", TEXT)
    rotated = Sealing([NEW, OLD])
    assert rotated.open(RECORD, "resp", before) == TEXT
    after = rotated.seal(RECORD, "resp", TEXT)
    assert Sealing([NEW]).open(RECORD, "resp", after) == TEXT


def test_a_replica_with_the_new_key_last_reads_those_that_have_it_first() -> None:
    """Replicas are restarted one by one, so both orders are at work for a while."""
    seal = Sealing([NEW, OLD]).seal(RECORD, "resp", TEXT)
    assert Sealing([OLD, NEW]).open(RECORD, "resp", seal) == TEXT


def test_a_key_that_was_taken_away_too_early_is_named() -> None:
    """The operator reads which one to put back."""
    seal = Sealing([OLD]).seal(RECORD, "resp", TEXT)
    with pytest.raises(KeyGone, match=r"'2026-08' is missing: put it back") as caught:
        SEALING.open(RECORD, "resp", seal)
    assert caught.value.key_id == "2026-08"


def test_another_secret_under_the_same_id_opens_nothing() -> None:
    """Replicas whose secrets differ find out, and hand out no nonsense."""
    seal = Sealing([EncryptionKey(NEW.id, OLD.secret)]).seal(RECORD, "resp", TEXT)
    with pytest.raises(BrokenSeal):
        SEALING.open(RECORD, "resp", seal)


def test_a_process_without_keys_has_one_of_its_own() -> None:
    """It reads what it sealed, and no other process does."""
    mine, another = Sealing.of_this_process(), Sealing.of_this_process()
    seal = mine.seal(RECORD, "resp", TEXT)
    assert mine.open(RECORD, "resp", seal) == TEXT
    with pytest.raises(BrokenSeal):
        another.open(RECORD, "resp", seal)


def test_a_key_is_read_as_the_configuration_spells_it() -> None:
    """Base64 of 32 bytes."""
    assert EncryptionKey.from_base64(NEW.id, base64.b64encode(NEW.secret).decode()) == NEW


@pytest.mark.parametrize(
    ("make", "why"),
    [
        pytest.param(lambda: EncryptionKey.from_base64("k", "not base64!"), "not base64", id="no"),
        pytest.param(lambda: EncryptionKey.from_base64("k", "ÄÖÜ="), "not base64", id="umlauts"),
        pytest.param(lambda: EncryptionKey.from_base64("k", "c2hvcnQ="), "'k' is not 32", id="5"),
        pytest.param(lambda: EncryptionKey("", bytes(32)), "1 to 255", id="no id"),
        pytest.param(lambda: EncryptionKey("ü" * 128, bytes(32)), "1 to 255", id="long id"),
        pytest.param(lambda: Sealing([]), "at least one", id="none"),
        pytest.param(lambda: Sealing([NEW, NEW]), "the same id", id="twice"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_at_once(make: Callable[[], object], why: str) -> None:
    """At start, not when the first record is to be read."""
    with pytest.raises(ValueError, match=why) as caught:
        make()
    assert "c2hvcnQ" not in str(caught.value)


def test_no_repr_shows_a_secret() -> None:
    """A log line that holds a key by accident holds its id."""
    secret = b"s3cret-s3cret-s3cret-s3cret-s3cr"
    assert repr(EncryptionKey("k", secret)) == "EncryptionKey(id='k')"
