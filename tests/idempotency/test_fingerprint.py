"""Fingerprints: the same request has the same, and any other request another."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical import json_text
from gateway.canonical.opportunity import OpportunityDraft, OpportunityPatch
from gateway.idempotency.fingerprint import VERSIONS, Asked, fingerprints, spelled
from gateway.idempotency.signing import SigningKey

SIGNING = SigningKey("2026-11", b"signing key of at least 32 bytes, for show")
OLD = SigningKey("2026-08", b"another signing key of the same length....")


def patch(text: str) -> bytes:
    """The body of a PATCH, as the route reads and spells it."""
    return spelled(OpportunityPatch.model_validate(json_text.read(text)))


ASKED = Asked(
    method="PATCH",
    route="/v1/opportunities/{opportunity_id}",
    path={"opportunity_id": "acme-one.8H"},
    query={"include": ["raw"]},
    connection="acme-one",
    body=patch('{"value":{"amount":"7500.00"},"name":null,"custom_fields":{"rating":1.50}}'),
    lenient=True,
    if_match=['"b"', '"a"'],
)


def digest(asked: Asked) -> bytes:
    """The fingerprint that a new record keeps."""
    return fingerprints(asked, [SIGNING])[0].digest


def of_body(text: str) -> bytes:
    """The fingerprint of a PATCH with this body."""
    return digest(replace(ASKED, body=patch(text)))


def test_the_fingerprint_of_a_request_is_the_same_for_ever() -> None:
    """A release that spelled it otherwise under the same version would answer retries with 422."""
    (found,) = fingerprints(ASKED, [SIGNING])
    assert (found.version, found.key_id) == (1, "2026-11")
    assert found.digest.hex() == "16ff88129e5c033c9cbf2f4ab005dc45ae7e67741ab337a0ea4c1c1915246370"


def test_there_is_one_for_each_version_and_key_in_force() -> None:
    """So that a record of before a rotation is recognised; a new one keeps the first."""
    found = fingerprints(ASKED, [SIGNING, OLD])
    pairs = [(each.version, each.key_id) for each in found]
    assert pairs == [(version, key.id) for version in VERSIONS for key in (SIGNING, OLD)]
    assert pairs[0] == (max(VERSIONS), SIGNING.id)
    assert len({each.digest for each in found}) == len(found)
    assert fingerprints(ASKED, [OLD])[0] in found


@pytest.mark.parametrize(
    "changes",
    [
        {"query": {}},
        {"query": {"include": ["raw", "raw"]}},
        {"if_match": ['"a"', '"b"']},
        {"if_match": ['"a"', '"b"', '"a"']},
    ],
    ids=str,
)
def test_what_does_not_change_the_effect_is_not_in_it(changes: dict[str, Any]) -> None:
    """The wanted shape of the answer, and the order in which entity tags are named."""
    assert digest(replace(ASKED, **changes)) == digest(ASKED)


OTHERS: list[dict[str, Any]] = [
    {"method": "DELETE"},
    {"route": "/v2/opportunities/{opportunity_id}"},
    {"path": {"opportunity_id": "acme-one.9H"}},
    {"path": {}},
    {"query": {"notify": ["true"]}},
    {"query": {"notify": ["false"]}},
    {"connection": "acme-two"},
    {"lenient": False},
    {"if_match": ['"a"']},
    {"if_match": ['W/"a"', '"b"']},
    {"if_match": ["*"]},
    {"if_match": None},
    {"body": spelled(None)},
    {"body": patch("{}")},
]


def test_every_other_request_has_another() -> None:
    """One key for two routes, records, connections or conditions is a mistake to be told."""
    digests = {digest(replace(ASKED, **changes)) for changes in [{}, *OTHERS]}
    assert len(digests) == len(OTHERS) + 1


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ('{"name":"a","description":"b"}', ' { "description" : "b", "name" : "a" } '),
        ('{"name":"\\u00e4/"}', '{"name":"ä\\/"}'),
        ('{"custom_fields":{"a":1,"b":2}}', '{"custom_fields":{"b":2,"a":1}}'),
        ('{"custom_fields":{"a":{"y":1,"x":2}}}', '{"custom_fields":{"a":{"x":2,"y":1}}}'),
        ('{"custom_fields":{"a":1.50}}', '{"custom_fields":{"a":1.5}}'),
        ('{"custom_fields":{"a":100}}', '{"custom_fields":{"a":1e2}}'),
        ('{"custom_fields":{"a":1.050,"b":1.005}}', '{"custom_fields":{"a":1.05,"b":1.0050}}'),
        ('{"custom_fields":{"a":1.5e-399}}', '{"custom_fields":{"a":1.50e-399}}'),
        ('{"custom_fields":{"a":[0,0.0]}}', '{"custom_fields":{"a":[-0.0,0e5]}}'),
        ('{"probability":50}', '{"probability":50.0}'),
    ],
)
def test_the_spelling_of_a_body_is_not_in_it(one: str, same: str) -> None:
    """A client that writes its JSON anew for a retry may order and escape it differently."""
    assert of_body(one) == of_body(same)


DIFFERENT = [
    "{}",
    '{"name":null}',
    '{"name":""}',
    '{"name":"a"}',
    '{"name":"A"}',
    '{"name":"\\u00e4"}',
    '{"name":"a\\u0308"}',
    '{"description":"a"}',
    '{"value":null}',
    '{"value":{}}',
    '{"value":{"amount":null}}',
    '{"value":{"amount":"1.00"}}',
    '{"value":{"amount":"1.00","period":"one_time"}}',
    '{"custom_fields":null}',
    '{"custom_fields":{}}',
    '{"custom_fields":{"a":null}}',
    '{"custom_fields":{"a":1}}',
    '{"custom_fields":{"a":"1"}}',
    '{"custom_fields":{"a":"1.0,"}}',
    '{"custom_fields":{"a":"\\"1.0,"}}',
    '{"custom_fields":{"a":"\\"1,"}}',
    '{"custom_fields":{"a":"1,"}}',
    '{"custom_fields":{"a":true}}',
    '{"custom_fields":{"a":[1]}}',
    '{"custom_fields":{"a":[1,2]}}',
    '{"custom_fields":{"a":[2,1]}}',
    '{"custom_fields":{"a":9007199254740993}}',
    '{"custom_fields":{"a":9007199254740992}}',
    '{"custom_fields":{"a":0.10000000000000000000000000000000001}}',
    '{"custom_fields":{"a":0.1}}',
    '{"custom_fields_add":{"a":[1]}}',
    '{"vendor_fields":{"a":1}}',
    '{"stage":{"id":"a"}}',
    '{"stage":{"name":"a"}}',
    '{"contacts":[]}',
    '{"contacts":[{"id":"a"}]}',
]


def test_bodies_that_say_different_things_differ() -> None:
    """Absent is not null, a number is not its text, and no digit is lost."""
    digests = {of_body(text) for text in DIFFERENT}
    assert len(digests) == len(DIFFERENT)


def test_a_draft_is_known_by_what_was_sent() -> None:
    """The defaults of its connection lie under it later, and may change before a retry."""
    sent = {"connection": "acme-one", "probability": Decimal(50)}
    bare = replace(ASKED, method="POST", body=spelled(OpportunityDraft.model_validate(sent)))
    named = replace(bare, body=spelled(OpportunityDraft.model_validate({**sent, "name": None})))
    assert digest(bare) != digest(named)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def telling(value: Any) -> Any:
    """A form that is equal for equal JSON alone: Python holds true and 1 for the same."""
    match value:
        case bool() | None | str():
            return repr(value)
        case int() | Decimal():
            return ("number", Decimal(value))
        case list():
            return [telling(member) for member in value]
        case _:
            return {name: telling(member) for name, member in value.items()}


@given(JSON, JSON)
def test_two_values_have_one_fingerprint_if_they_are_equal_and_only_then(
    one: Any, two: Any
) -> None:
    """Whatever a caller puts into a custom field."""
    digests = [
        digest(replace(ASKED, body=spelled(OpportunityPatch(custom_fields={"a": value}))))
        for value in (one, two)
    ]
    assert (digests[0] == digests[1]) == (telling(one) == telling(two))


@given(st.dictionaries(st.text(max_size=3), JSON, min_size=2))
def test_the_order_of_members_is_not_in_it(members: dict[str, Any]) -> None:
    """At any depth; names are ordered by their code points, which no locale changes."""
    turned = dict(reversed(members.items()))
    fields = [spelled(OpportunityPatch(custom_fields={"a": each})) for each in (members, turned)]
    assert digest(replace(ASKED, body=fields[0])) == digest(replace(ASKED, body=fields[1]))
