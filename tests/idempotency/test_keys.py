"""Keys: one header has one meaning, and what is derived differs where it must."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Fault, KeyConflict, KeyMalformed, KeyMissing
from gateway.idempotency.keys import Identity, derived_key, idempotency_key, marker
from gateway.idempotency.signing import SigningKey, message

SIGNING = SigningKey("2026-11", b"signing key of at least 32 bytes, for show")
OTHER = SigningKey("2026-08", b"another signing key of the same length....")
RECORD = "00112233445566778899aabbccddeeff"
WRITE = Identity(
    caller="billing",
    connection="acme-one",
    method="POST",
    route="/v1/opportunities",
    key=b"order-66",
)
FINGERPRINT = bytes(range(32))

PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)


def parsed(*lines: str) -> bytes:
    """The key of a request with these header lines."""
    return idempotency_key(lines, required=False).value


def quoted(key: str) -> str:
    """A key as a String of RFC 9651."""
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@given(st.text(PRINTABLE, min_size=1, max_size=255))
def test_a_quoted_key_is_what_it_quotes(key: str) -> None:
    """Every printable key can be sent as a String."""
    assert parsed(quoted(key)) == key.encode()


@given(st.text(PRINTABLE, min_size=1, max_size=255))
def test_bare_and_quoted_are_the_same_key(key: str) -> None:
    """Else one write would have two records, for clients that differ in the spelling alone."""
    bare = key.strip()
    if bare and not bare.startswith('"'):
        assert parsed(bare) == parsed(quoted(bare)) == bare.encode()


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", b"8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', b"8e03978e-40d5-43dd-bc93-6894a57f9324"),
        (" \tk \t", b"k"),
        ('  "k"  ', b"k"),
        ('" k "', b" k "),
        ('a"b', b'a"b'),
        ("a\\b", b"a\\b"),
        (r'"a\"b\\c"', b'a"b\\c'),
        ("a, b; c=1", b"a, b; c=1"),
        ("k" * 255, b"k" * 255),
        ('"' + r"\"" * 255 + '"', b'"' * 255),
    ],
)
def test_a_line_is_read_as_the_contract_says(line: str, key: bytes) -> None:
    """Bare characters without outer blanks, or the content of one String."""
    assert parsed(line) == key


@pytest.mark.parametrize(
    "line",
    [
        *("", " ", "\t", '""'),
        *("k" * 256, '"' + "k" * 256 + '"'),
        *("a\tb", "a\x00b", "a\x7fb", "caf\u00e9", '"caf\u00e9"', "k\u2028", "k\n"),
        *('"k', '"', '"k"k', '"k" k', '"a", "b"', '"k"; a=1', '"k";a', '"a"b"', r'"\k"', '"k\\"'),
    ],
)
def test_a_key_that_cannot_be_read_is_refused(line: str) -> None:
    """Never ignored: a write that its caller took for protected would run unprotected."""
    with pytest.raises(KeyMalformed) as caught:
        parsed(line)
    told(caught.value, "idempotency-key-invalid")


@pytest.mark.parametrize("lines", [("a", "b"), ("a", "a"), ("", "a")])
def test_two_lines_are_refused(lines: tuple[str, ...]) -> None:
    """Whichever of them were taken, the caller might mean the other."""
    with pytest.raises(KeyMalformed) as caught:
        parsed(*lines)
    told(caught.value, "idempotency-key-invalid")


def told(error: KeyConflict, code: str) -> Fault:
    """The one fault of an error about the header."""
    (fault,) = error.faults
    assert (error.code, fault.code, fault.header) == (code, code, "Idempotency-Key")
    assert error.message == f"Idempotency-Key: {fault.detail}."
    return fault


def test_no_refusal_repeats_the_key() -> None:
    """Keys are not for logs, and a refusal gets there."""
    with pytest.raises(KeyMalformed) as caught:
        parsed('"s3cret')
    assert "s3cret" not in str(caught.value)


def test_without_a_key_the_gateway_makes_one_up() -> None:
    """Another one each time, which its caller may send with a retry."""
    made, another = (idempotency_key((), required=False) for _ in range(2))
    assert made.made_here
    assert made != another
    again = idempotency_key([made.value.decode()], required=True)
    assert again.value == made.value
    assert not again.made_here


def test_where_a_key_is_required_its_absence_is_told() -> None:
    """And nothing is made up."""
    with pytest.raises(KeyMissing) as caught:
        idempotency_key((), required=True)
    told(caught.value, "idempotency-key-missing")


def test_no_repr_shows_a_key() -> None:
    """Neither the caller's nor ours."""
    assert "order-66" not in repr(idempotency_key(["order-66"], required=False))
    assert "order-66" not in repr(WRITE)
    assert "for show" not in repr(SIGNING)


def a_marker(key: SigningKey = SIGNING, **changes: str) -> str:
    """The marker of a create, but for what is changed."""
    parts = {"caller": "billing", "hex32": RECORD, "step": "create", **changes}
    return marker(key, **parts)


def test_a_marker_is_the_same_for_ever() -> None:
    """What an older release left at a vendor is searched for by a newer one."""
    assert a_marker() == "uog-5UYQ37JT26O63DHR"


def test_markers_differ_with_all_that_they_are_made_of() -> None:
    """A hit of the search is proof, so nobody else's create may bear the same."""
    markers = [
        a_marker(),
        a_marker(OTHER),
        a_marker(caller="sales"),
        a_marker(hex32=RECORD[::-1]),
        a_marker(step="custom-fields"),
    ]
    assert len(set(markers)) == len(markers)


def a_derived_key(write: Identity = WRITE, key: SigningKey = SIGNING, generation: int = 0) -> str:
    """The derived key of a create."""
    return derived_key(key, write, step="create", generation=generation, fingerprint=FINGERPRINT)


def test_a_derived_key_is_the_same_for_ever() -> None:
    """It is what a vendor dedupes by, also where our own store was lost (G4)."""
    assert a_derived_key() == "a64EqFdyMbdfb9rrwBSbP1XOTTWMwVVeIPlP1zdoFQs"
    assert len(a_derived_key()) == 43


def test_derived_keys_differ_with_all_that_they_are_made_of() -> None:
    """No caller, route, step or corrected body gets the answer that was another's."""
    derived = [
        a_derived_key(),
        a_derived_key(key=OTHER),
        a_derived_key(generation=1),
        a_derived_key(replace(WRITE, caller="sales")),
        a_derived_key(replace(WRITE, connection="acme-two")),
        a_derived_key(replace(WRITE, method="PATCH")),
        a_derived_key(replace(WRITE, route="/v1/opportunities/{opportunity_id}")),
        a_derived_key(replace(WRITE, key=b"order-67")),
        derived_key(SIGNING, WRITE, step="other", generation=0, fingerprint=FINGERPRINT),
        derived_key(SIGNING, WRITE, step="create", generation=0, fingerprint=FINGERPRINT[::-1]),
    ]
    assert len(set(derived)) == len(derived)


def test_a_marker_is_never_a_derived_key() -> None:
    """What is signed says what for."""
    assert message("marker", "a") != message("native", "a")


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_no_two_lists_of_parts_are_signed_alike(one: list[str], two: list[str]) -> None:
    """Wherever a caller's text puts a quote, a comma or a zero byte."""
    assert (message("x", *one) == message("x", *two)) == (one == two)


def test_parts_cannot_run_into_each_other() -> None:
    """The same characters, cut differently, are other parts."""
    cuts = [("a", "bc"), ("ab", "c"), ("abc", ""), ("", "abc"), ('a","b', "c"), ("a\x00b", "c")]
    texts = [message("x", *cut) for cut in cuts]
    assert all(one != two for one, two in itertools.combinations(texts, 2))
