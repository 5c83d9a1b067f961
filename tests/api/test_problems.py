"""Problems: every error as RFC 9457 JSON, with a page behind each type."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from gateway import errors
from gateway.api import problems
from gateway.api.docs.problem_page import problem_page
from gateway.canonical import json_text
from gateway.errors import Fault, GatewayError, VendorReply
from tests.sandboxed import Sandboxed

ABSTRACT = {"Rejected", "Denied", "Busy", "KeyConflict", "VendorError"}
"""Branches of the tree that nothing raises; a vendor's refusal is always of a kind of its own."""
MEMBERS = {
    "type", "title", "status", "detail", "instance", "code", "origin", "retry", "outcome",
    "request_id", "operation_id", "opportunity_id", "vendor", "errors", "etag", "applied",
}  # fmt: skip
RETRIES = {"same_request", "after_fix", "operator", "never"}
CONTRACT = {
    400: "malformed-request invalid-cursor idempotency-key-missing idempotency-key-invalid",
    401: "unauthenticated",
    403: "forbidden",
    404: "opportunity-not-found connection-not-found operation-not-found route-not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    409: "idempotency-in-progress outcome-indeterminate record-busy history-lost vendor-conflict "
         "matches-existing",
    412: "precondition-failed",
    413: "body-too-large",
    415: "unsupported-media-type",
    422: "validation-failed unsupported-field value-not-representable unknown-reference "
         "ambiguous-reference unknown-custom-field unsupported-filter operation-unsupported "
         "idempotency-key-reused vendor-rejected",
    428: "precondition-required",
    429: "rate-limited",
    502: "vendor-bad-response vendor-credentials-invalid vendor-forbidden partially-applied "
         "outcome-indeterminate",
    503: "vendor-unavailable store-unavailable overloaded connection-disabled",
    504: "vendor-timeout deadline-exceeded outcome-indeterminate",
}  # fmt: skip
"""Status → codes, as the public contract has them (api.md 7)."""
BEYOND = {
    "operation-settled": {409}, "headers-too-large": {431}, "internal-error": {500},
    "keys-unavailable": {503}, "request-not-found": {404},
}  # fmt: skip
"""What the contract has no code for: a resolve against what is settled, a head without end, a fault
of ours, an issuer of tokens that cannot be asked, and a request that is not on record."""


def kinds(root: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """Every class of error that something raises."""
    for kind in root.__subclasses__():
        if kind.__name__ not in ABSTRACT:
            yield kind
        yield from kinds(kind)


ALL = sorted(set(kinds()), key=lambda kind: kind.__name__)


def made(kind: type[GatewayError], message: str = "Something is wrong.") -> GatewayError:
    """An error of a kind, with whatever it needs."""
    needs = inspect.signature(kind).parameters
    given: dict[str, Any] = {"etag": '"abc"', "applied": ["/name"], "retry_after": 3}
    return kind(message, **{name: given[name] for name in given if name in needs})


def told(error: GatewayError, *, writes: bool = False) -> Any:
    """The problem that a caller gets."""
    problem = problems.problem_of(
        error, request_id="req_1", instance="/v1/requests/req_1", vendor="acme", writes=writes
    )
    return json_text.read(bytes(problems.response_of(error, problem, {}).body))


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_has_a_status_a_title_and_a_page(kind: type[GatewayError]) -> None:
    """No class can be raised that the face of the gateway does not know."""
    problem = told(made(kind))
    assert problem.keys() <= MEMBERS
    assert problem["type"] == f"/problems/{kind.code}"
    assert problem["title"] == problems.TITLES[kind.code]
    assert problem["status"] == problems.STATUS[kind]
    assert problem["retry"] in RETRIES
    assert problem["origin"] in {"client", "gateway", "vendor"}
    assert problem_page(kind.code)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_says_of_a_write_what_became_of_it(kind: type[GatewayError]) -> None:
    """Only writes have an outcome."""
    assert told(made(kind), writes=True)["outcome"] == kind.outcome
    assert "outcome" not in told(made(kind))


def test_no_class_is_listed_that_nothing_raises() -> None:
    """The table of statuses is the tree's, no more."""
    assert set(problems.STATUS) == set(ALL)


def test_codes_have_the_statuses_of_the_contract() -> None:
    """Clients key on the code; proxies and libraries on the status. There are no others."""
    statuses: dict[str, set[int]] = dict(BEYOND)
    for status, codes in CONTRACT.items():
        for code in codes.split():
            statuses.setdefault(code, set()).add(status)
    found: dict[str, set[int]] = {}
    for kind in ALL:
        found.setdefault(kind.code, set()).add(problems.STATUS[kind])
    assert found == statuses


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_429_and_503_always_say_when_to_come_again(kind: type[GatewayError]) -> None:
    """Seconds, never less than one."""
    error = made(kind)
    problem = problems.problem_of(error, request_id="", instance="", vendor=None, writes=False)
    headers = problems.response_of(error, problem, {}).headers
    if problem.status in {429, 503} or error.retry_after:
        assert int(headers["retry-after"]) >= 1
    else:
        assert "retry-after" not in headers


def test_a_vendors_own_pause_is_passed_on() -> None:
    """What the vendor asked for is what the caller is told."""
    error = made(errors.VendorThrottled)
    error.retry_after = 17
    problem = problems.problem_of(error, request_id="", instance="", vendor=None, writes=False)
    assert problems.response_of(error, problem, {}).headers["retry-after"] == "17"


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        ("All is said.", "All is said."),
        ("the vendor cannot change account", "The vendor cannot change account."),
        ("/name: is required", "/name: is required."),
        ("closed_at: send a day", "closed_at: send a day."),
        ("Who knows?", "Who knows?"),
    ],
)
def test_the_detail_is_a_sentence(message: str, detail: str) -> None:
    """Faults are gathered as parts of sentences; a member's name keeps its small letter."""
    assert told(errors.ValidationFailed(message))["detail"] == detail


def test_a_problem_repeats_what_the_vendor_said() -> None:
    """Its name, the connection, its status, its code and its words."""
    error = errors.VendorRefused("No.", reply=VendorReply(status=400, code="bad", message="Nope"))
    error.connection = "acme-one"
    assert told(error)["vendor"] == {
        "name": "acme", "connection": "acme-one", "status": 400, "code": "bad", "message": "Nope",
    }  # fmt: skip


def test_a_vendor_that_was_not_asked_is_not_blamed() -> None:
    """An error of the caller or of ours has no vendor in it."""
    assert "vendor" not in told(made(errors.Unsupported))
    assert "vendor" not in told(made(errors.NotSent))


def test_what_does_not_apply_is_left_out() -> None:
    """A fault has a pointer, a parameter or a header, and no nulls beside it."""
    faults = [
        Fault(code="a", detail="b", pointer=""),
        Fault(code="a", detail="b", parameter="c"),
        Fault(code="a", detail="b", header="d", allowed=(1, None)),
    ]
    assert told(errors.ValidationFailed("x.", faults=faults))["errors"] == [
        {"code": "a", "detail": "b", "pointer": ""},
        {"code": "a", "detail": "b", "parameter": "c"},
        {"code": "a", "detail": "b", "header": "d", "allowed": [1, None]},
    ]


def test_a_partial_write_says_what_is_stored() -> None:
    """So that the caller can send the rest."""
    problem = told(made(errors.Partial), writes=True)
    assert (problem["applied"], problem["outcome"], problem["retry"]) == (
        ["/name"], "partial", "never",
    )  # fmt: skip


@pytest.mark.parametrize("code", problems.TITLES)
async def test_the_page_behind_a_type_is_served(house: Sandboxed, code: str) -> None:
    """A person who follows the link finds the title, the status and what to do."""
    response = await house.api.get(f"/problems/{code}")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert f"<code>{code}</code>" in response.text
    statuses = {problems.STATUS[kind] for kind in ALL if kind.code == code}
    assert all(f'<th scope="row">{status}</th>' in response.text for status in statuses)


@pytest.mark.parametrize("code", ["nothing", "<script>", "..", "validation-failed."])
async def test_there_is_no_page_for_another_code(house: Sandboxed, code: str) -> None:
    """What was asked for is not repeated."""
    response = await house.api.get(f"/problems/{code}")
    assert response.status_code == 404
    assert "script" not in response.text
