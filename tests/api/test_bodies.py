"""Request bodies and query strings: strict JSON, closed models, every fault at its place."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.api import bodies
from gateway.api.translations import Translation
from gateway.api.visit import Visit
from gateway.canonical.opportunity import OpportunityDraft, OpportunityPatch
from gateway.errors import MAX_FAULTS, MalformedRequest, ValidationFailed
from tests.sandboxed import Answered, Sandboxed

PATCH = "/v1/opportunities/acme-close.oppo_1"
POST = "/v1/opportunities"
MERGE = "application/merge-patch+json"


async def send(
    house: Sandboxed, method: str, path: str, content: bytes | None, kind: str | None
) -> Answered:
    """A request with a body of these very bytes."""
    headers = {} if kind is None else {"Content-Type": kind}
    return Answered(await house.api.request(method, path, content=content, headers=headers))


def wrong(model: type[OpportunityDraft | OpportunityPatch], body: Any) -> dict[str, str]:
    """Pointer → what is wrong there."""
    with pytest.raises(ValidationFailed) as caught:
        bodies.parsed(model, body)
    return {fault.pointer or "": fault.detail for fault in caught.value.faults}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="unfinished"),
        pytest.param(b'{"name": "a"} x', id="something-behind-it"),
        pytest.param(b'{"name": "a", "name": "b"}', id="name-twice"),
        pytest.param(b'{"value": {"amount": "1", "amount": "2"}}', id="name-twice-within"),
        pytest.param(b'{"probability": NaN}', id="nan"),
        pytest.param(b'{"probability": -Infinity}', id="infinity"),
        pytest.param(b'{"name": "\xff"}', id="not-utf-8"),
        pytest.param('{"name": "ä"}'.encode("utf-16"), id="utf-16"),
        pytest.param(b'\xef\xbb\xbf{"name": "a"}', id="byte-order-mark"),
        pytest.param(b'{"name": "\\ud800"}', id="half-a-pair"),
        pytest.param(b'{"custom_fields": ' + b"[" * 64 + b"]" * 64 + b"}", id="too-deep"),
        pytest.param(b'{"probability": 1e999999}', id="too-many-digits"),
        pytest.param(b"{'name': 'a'}", id="single-quotes"),
    ],
)
async def test_what_is_not_strict_json_is_malformed(house: Sandboxed, content: bytes) -> None:
    """A body that two readers could read differently is read by neither."""
    answer = await send(house, "PATCH", PATCH, content, MERGE)
    assert (answer.status, answer.code) == (400, "malformed-request")
    assert house.vendor("close").ledger.requests == []


@pytest.mark.parametrize("content", [b"[]", b'"name"', b"null", b"7", b"true"])
async def test_json_that_is_no_object_is_not_valid(house: Sandboxed, content: bytes) -> None:
    """The fault stands at the root of the body."""
    answer = await send(house, "PATCH", PATCH, content, MERGE)
    assert (answer.status, answer.code) == (422, "validation-failed")
    assert [error["pointer"] for error in answer.json["errors"]] == [""]


async def test_a_body_of_sixty_four_levels_is_read(house: Sandboxed) -> None:
    """The limit itself is still allowed: the fault is another one."""
    content = b'{"nowhere": ' + b"[" * 63 + b"]" * 63 + b"}"
    answer = await send(house, "PATCH", PATCH, content, MERGE)
    assert (answer.status, answer.code) == (422, "validation-failed")


async def test_a_body_that_declares_too_many_bytes_is_refused_unread(house: Sandboxed) -> None:
    """Nobody waits for what is refused anyway."""
    begun: list[bytes] = []

    async def stream() -> AsyncIterator[bytes]:
        begun.append(b"{")
        yield begun[0]

    headers = {"Content-Type": MERGE, "Content-Length": str(bodies.MAX_BODY + 1)}
    response = await house.api.patch(PATCH, content=stream(), headers=headers)
    assert (response.status_code, response.json()["code"]) == (413, "body-too-large")
    assert begun == []


async def test_a_body_that_grows_too_large_is_refused_on_the_way(house: Sandboxed) -> None:
    """A stream declares nothing, and is counted."""
    sent: list[bytes] = []

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(100):
            sent.append(b" " * 65_536)
            yield sent[-1]

    response = await house.api.patch(PATCH, content=stream(), headers={"Content-Type": MERGE})
    assert (response.status_code, response.json()["code"]) == (413, "body-too-large")


async def test_a_body_of_a_whole_mebibyte_is_read(house: Sandboxed) -> None:
    """The limit itself is still allowed: what is wrong is something else."""
    content = b'{"nowhere": "' + b"x" * (bodies.MAX_BODY - 15) + b'"}'
    assert len(content) == bodies.MAX_BODY
    answer = await send(house, "PATCH", PATCH, content, MERGE)
    assert (answer.status, answer.code) == (422, "validation-failed")


async def test_a_strange_length_is_left_to_the_count(house: Sandboxed) -> None:
    """A digit that is none in ASCII does not become a fault of ours."""
    headers = [(b"Content-Type", MERGE.encode()), (b"Content-Length", "²".encode("latin-1"))]
    response = await house.api.patch(PATCH, content=b"{}", headers=headers)
    assert response.json()["code"] == "validation-failed"


@pytest.mark.parametrize(
    "kind",
    [
        MERGE,
        "application/json",
        "application/json; charset=utf-8",
        "Application/Merge-Patch+JSON;charset=UTF-8",
        "application/json ; profile=x",
    ],
)
async def test_json_types_are_taken_with_their_parameters(house: Sandboxed, kind: str) -> None:
    """A parameter changes nothing about what JSON is."""
    answer = await send(house, "PATCH", PATCH, b"{}", kind)
    assert answer.json["detail"] == "The patch is empty: name at least one member to change."


@pytest.mark.parametrize(
    "kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
)
async def test_other_types_are_refused_with_those_that_are_taken(
    house: Sandboxed, kind: str | None
) -> None:
    """A 415 on PATCH says in Accept-Patch what would do; POST has no such header."""
    patch = await send(house, "PATCH", PATCH, b"{}", kind)
    assert (patch.status, patch.code) == (415, "unsupported-media-type")
    assert patch.headers["accept-patch"] == "application/merge-patch+json, application/json"
    post = await send(house, "POST", POST, b"{}", kind)
    assert (post.status, "accept-patch" in post.headers) == (415, False)


async def test_a_merge_patch_creates_nothing(house: Sandboxed) -> None:
    """A draft is JSON, and no patch of something."""
    answer = await send(house, "POST", POST, b"{}", MERGE)
    assert answer.status == 415


async def test_a_compressed_body_is_refused(house: Sandboxed) -> None:
    """What is not to be unpacked cannot burst."""
    headers = {"Content-Type": MERGE, "Content-Encoding": "gzip"}
    response = await house.api.patch(PATCH, content=b"\x1f\x8b", headers=headers)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-media-type")


async def test_a_body_that_does_not_arrive_times_out(house: Sandboxed) -> None:
    """The caller's own deadline bounds its upload."""

    async def stalled() -> AsyncIterator[bytes]:
        yield b'{"name":'
        await asyncio.Event().wait()

    headers = {"Content-Type": MERGE, "X-Request-Timeout-Ms": "100"}
    response = await house.api.patch(PATCH, content=stalled(), headers=headers)
    assert (response.status_code, response.json()["code"]) == (408, "request-timeout")


async def test_a_body_that_breaks_off_is_no_body() -> None:
    """What came of it is not taken for the whole."""
    messages = [
        {"type": "http.request", "body": b'{"name": "x"}', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return messages.pop(0)

    scope = {
        "type": "http",
        "method": "PATCH",
        "path": "/",
        "headers": [(b"content-type", MERGE.encode())],
    }
    with pytest.raises(MalformedRequest, match="broke off"):
        await bodies.json_body(Visit(scope, receive), bodies.MERGE_PATCH, 60)


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({"nme": "x"}, "/nme", "there is no member nme; did you mean name?"),
        ({"qwertz": 1}, "/qwertz", "there is no member qwertz"),
        ({"value": {"amout": "1"}}, "/value/amout",
         "there is no member amout; did you mean amount?"),
        ({"stage": {"id": "1", "order": 2}}, "/stage/order", "there is no member order"),
        ({"contacts": [{"id": "1"}, {"mail": "x"}]}, "/contacts/1/mail",
         "there is no member mail; did you mean email?"),
        ({"a/b~c": 1}, "/a~1b~0c", "there is no member a/b~c"),
        ({"value": {"amount": 5}}, "/value/amount", "a string is expected"),
        ({"value": "5"}, "/value", "an object is expected"),
        ({"value": {"period": "weekly"}}, "/value/period", "is none of one_time, monthly, annual"),
        ({"owner": {}}, "/owner", "exactly one of id or email is expected"),
        ({"owner": {"id": "1", "email": "x"}}, "/owner", "exactly one of id or email is expected"),
        ({"contacts": [{"id": "1"}, {"id": 2}]}, "/contacts/1/id", "a string is expected"),
        ({"contacts": [{}]}, "/contacts/0",
         "a contact is named by its id, or else by email and phone"),
        ({"contacts": {"id": "1"}}, "/contacts", "an array is expected"),
        ({"account": {}}, "/account/id", "is required"),
        ({"account": None, "status": "maybe"}, "/status", "is none of open, on_hold, won, lost"),
        ({"custom_fields_add": {"a": "x"}}, "/custom_fields_add/a", "an array is expected"),
        ({"custom_fields": ["a"]}, "/custom_fields", "an object is expected"),
        ({"expected_close_date": "2026-02-30"}, "/expected_close_date",
         'a date is a string such as "2026-11-30"'),
        ({"probability": "50"}, "/probability", "a number is expected"),
        ({"probability": 101}, "/probability", "input should be less than or equal to 100"),
    ],
)  # fmt: skip
def test_a_fault_of_a_body_stands_at_its_place(body: Any, pointer: str, detail: str) -> None:
    """A pointer leads to the member that is wrong, however deep it lies."""
    assert wrong(OpportunityPatch, body) == {pointer: detail}


def test_every_fault_is_told_at_once() -> None:
    """A caller mends all of it in one go."""
    body = {"nme": "x", "status": 5, "value": {"amount": "1e3"}}
    assert wrong(OpportunityDraft, body).keys() == {
        "/connection", "/nme", "/status", "/value/amount",
    }  # fmt: skip


def test_the_faults_of_a_hostile_body_are_bounded() -> None:
    """The count is whole, the list is not."""
    with pytest.raises(ValidationFailed) as caught:
        bodies.parsed(OpportunityPatch, {"contacts": [0] * 5000})
    assert len(caught.value.faults) == MAX_FAULTS
    assert "4999 more" in caught.value.message


def test_a_fault_never_repeats_the_value() -> None:
    """What was sent may be personal, and is in no message."""
    with pytest.raises(ValidationFailed) as caught:
        bodies.parsed(OpportunityPatch, {"name": ["secret-1"], "status": "secret-2"})
    assert "secret" not in repr([caught.value.message, *caught.value.faults])


async def test_a_problem_carries_the_faults_of_the_body(house: Sandboxed) -> None:
    """Pointer, code, detail and what would be allowed reach the caller."""
    answer = await house.ask("POST", POST, {"connection": "acme-close", "status": "maybe"})
    assert (answer.status, answer.code) == (422, "validation-failed")
    assert answer.json["errors"] == [
        {
            "code": "validation-failed",
            "pointer": "/status",
            "detail": "is none of open, on_hold, won, lost",
            "allowed": ["open", "on_hold", "won", "lost"],
        }
    ]


@pytest.mark.parametrize(
    ("method", "path", "known"),
    [
        ("GET", "/v1/opportunities?conection=acme-close", "connection"),
        ("GET", "/v1/opportunities/acme-close.oppo_1?inclued=raw", "include"),
        ("GET", "/v1/connections/acme-close?chek=true", "check"),
    ],
)
async def test_an_unknown_parameter_is_named_with_a_hint(
    house: Sandboxed, method: str, path: str, known: str
) -> None:
    """A misspelt filter is never silently no filter."""
    answer = await house.ask(method, path)
    name = path.partition("?")[2].partition("=")[0]
    assert (answer.status, answer.code) == (422, "validation-failed")
    assert answer.json["errors"] == [
        {
            "code": "validation-failed",
            "parameter": name,
            "detail": f"there is no parameter {name}; did you mean {known}?",
        }
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", POST),
        ("PATCH", PATCH),
        ("DELETE", PATCH),
        ("GET", "/v1/connections"),
        ("GET", "/v1/connections/acme-close/capabilities"),
        ("GET", "/v1/connections/acme-close/pipelines"),
        ("GET", "/v1/connections/acme-close/custom-fields"),
        ("GET", "/v1/connections/acme-close/users"),
        ("POST", "/v1/connections/acme-close/translations"),
        ("GET", "/v1/vendors"),
    ],
)
async def test_every_route_refuses_a_parameter_that_it_has_not(
    house: Sandboxed, method: str, path: str
) -> None:
    """Also where there are none at all, and before anything is asked of a vendor."""
    body: object = {} if method in {"POST", "PATCH"} else None
    answer = await house.ask(method, f"{path}?dry_run=true", body)
    assert answer.status == 422
    assert [error["parameter"] for error in answer.json["errors"]] == ["dry_run"]
    assert house.vendor("close").ledger.requests == []


async def test_a_parameter_that_stands_twice_is_refused(house: Sandboxed) -> None:
    """Which of the two was meant is nobody's guess."""
    answer = await house.ask("GET", "/v1/opportunities?limit=1&limit=2&connection=acme-close")
    assert [(e["parameter"], e["detail"]) for e in answer.json["errors"]] == [
        ("limit", "may stand once")
    ]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=", "limit"),
        ("limit=1.0", "limit"),
        ("limit=-1", "limit"),
        ("limit=%D9%A3", "limit"),
        ("status=maybe", "status"),
        ("status=", "status"),
        ("sort=size", "sort"),
        ("sort=", "sort"),
        ("sort=--name", "sort"),
        ("include=everything", "include"),
        ("include=", "include"),
        ("include_archived=yes", "include_archived"),
        ("include_archived=", "include_archived"),
        ("updated_after=2026-11-30", "updated_after"),
        ("created_before=2026-11-30T12:00:00", "created_before"),
        ("updated_before=2026-13-01T00:00:00Z", "updated_before"),
        ("stage_id=", "stage_id"),
        ("q=", "q"),
    ],
)
async def test_a_parameter_out_of_its_range_is_named(
    house: Sandboxed, query: str, parameter: str
) -> None:
    """An empty value is a value, and no default."""
    answer = await house.ask("GET", f"/v1/opportunities?{query}")
    assert (answer.status, answer.code) == (422, "validation-failed")
    assert [error["parameter"] for error in answer.json["errors"]] == [parameter]


async def test_every_wrong_parameter_is_told_at_once(house: Sandboxed) -> None:
    """As with bodies."""
    answer = await house.ask("GET", "/v1/opportunities?limit=0&status=x&sort=y&q=")
    named = {error["parameter"] for error in answer.json["errors"]}
    assert named == {"limit", "status", "sort", "q"}


def test_a_translation_has_its_own_closed_model() -> None:
    """A misspelt member of the dry run is told like any other."""
    with pytest.raises(ValidationFailed) as caught:
        bodies.parsed(Translation, {"operation": "creat", "boddy": {}})
    assert {fault.pointer for fault in caught.value.faults} == {"/operation", "/boddy"}
