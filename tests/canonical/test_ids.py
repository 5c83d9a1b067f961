"""Opportunity ids: every vendor's id has one, and it leads back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.ids import CONNECTION_NAME, join, pointer, split

CONNECTIONS = st.from_regex(CONNECTION_NAME, fullmatch=True)
VENDOR_IDS = st.text(st.characters(codec="utf-8"), min_size=1)


@given(CONNECTIONS, VENDOR_IDS)
def test_an_id_leads_back_to_connection_and_record(connection: str, vendor_id: str) -> None:
    assert split(join(connection, vendor_id)) == (connection, vendor_id)


@given(CONNECTIONS, VENDOR_IDS)
def test_no_id_needs_encoding_in_a_url(connection: str, vendor_id: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.~-]+", join(connection, vendor_id))


@pytest.mark.parametrize(
    ("vendor_id", "spelled"),
    [
        ("oppo_8H", "acme.oppo_8H"),
        ("a.b", "acme.a~2eb"),
        ("a~b/c d", "acme.a~7eb~2fc~20d"),
        ("ü", "acme.~c3~bc"),
        ("..", "acme.~2e~2e"),
    ],
)
def test_what_is_not_plain_is_a_tilde_and_two_hex_digits(vendor_id: str, spelled: str) -> None:
    assert join("acme", vendor_id) == spelled


@pytest.mark.parametrize(
    "stranger",
    [
        "",
        "acme",
        "acme.",
        ".x",
        "Acme.x",
        "-acme.x",
        "a" * 64 + ".x",
        "acme.a.b",
        "acme.a~2Eb",
        "acme.a~2",
        "acme.a~zz",
        "acme.~61",
        "acme.~ff",
        "acme.ü",
        "acme.x\n",
        "acme.a%2eb",
    ],
)
def test_a_text_that_is_never_made_is_no_id(stranger: str) -> None:
    """One record has one id: another spelling of the same is a stranger too."""
    assert split(stranger) is None


@given(st.text())
def test_every_id_that_is_understood_is_the_one_that_is_made(text: str) -> None:
    parts = split(text)
    assert parts is None or join(*parts) == text


def test_half_a_character_in_a_vendor_s_id_breaks_nothing() -> None:
    """Such a record can be shown; its id leads nowhere, because no URL can carry it."""
    assert split(join("acme", "x\ud83d")) is None


@pytest.mark.parametrize(
    ("parts", "text"),
    [((), ""), (("value", "amount"), "/value/amount"), (("contacts", 1), "/contacts/1"),
     (("custom_fields", "a/b~c"), "/custom_fields/a~1b~0c")],
)  # fmt: skip
def test_pointers_are_escaped(parts: tuple[str | int, ...], text: str) -> None:
    """RFC 6901: a slash or a tilde in a member's name does not lead astray."""
    assert pointer(*parts) == text
