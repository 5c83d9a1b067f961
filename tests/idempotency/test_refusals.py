"""What a caller is told about its key and about writes that cannot run, as the contract says."""

import pytest

from gateway import errors
from gateway.api.docs.problem_page import problem_page
from gateway.api.problems import STATUS, TITLES, problem_of, response_of
from gateway.errors import GatewayError, Outcome, Retry

REFUSALS: list[tuple[GatewayError, int, str, Retry, Outcome]] = [
    (errors.KeyMissing(""), 400, "idempotency-key-missing", "after_fix", "not_applied"),
    (errors.KeyMalformed(""), 400, "idempotency-key-invalid", "after_fix", "not_applied"),
    (errors.KeyReused(""), 422, "idempotency-key-reused", "after_fix", "not_applied"),
    (errors.InProgress("", retry_after=2), 409, "idempotency-in-progress", "same_request",
     "unknown"),
    (errors.HistoryLost(""), 409, "history-lost", "operator", "unknown"),
    (errors.RecordBusy(""), 409, "record-busy", "same_request", "not_applied"),
    (errors.StoreUnavailable(""), 503, "store-unavailable", "same_request", "not_applied"),
    (errors.Overloaded(""), 503, "overloaded", "same_request", "not_applied"),
    (errors.OperationNotFound(""), 404, "operation-not-found", "never", "not_applied"),
    (errors.OperationSettled(""), 409, "operation-settled", "never", "not_applied"),
    (errors.Reconciling("", retry_after=5), 409, "outcome-indeterminate", "same_request",
     "unknown"),
    (errors.Parked(""), 409, "outcome-indeterminate", "operator", "unknown"),
]  # fmt: skip


def kind_of(row: object) -> str:
    """The class of an error, as a test's id."""
    return type(row).__name__ if isinstance(row, GatewayError) else ""


@pytest.mark.parametrize(("error", "status", "code", "retry", "outcome"), REFUSALS, ids=kind_of)
def test_a_refusal_says_what_it_means_for_a_retry(
    error: GatewayError, status: int, code: str, retry: Retry, outcome: Outcome
) -> None:
    """Clients key on the code, and act on retry and outcome (api.md 7)."""
    problem = problem_of(error, request_id="r", instance="/", vendor=None, writes=True)
    assert (problem.status, problem.code, problem.retry, problem.outcome) == (
        status, code, retry, outcome,
    )  # fmt: skip
    assert problem_page(code)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (errors.InProgress("", retry_after=2), "2"),
        (errors.Reconciling("", retry_after=5), "5"),
        (errors.RecordBusy("", retry_after=3), "3"),
        (errors.StoreUnavailable(""), "1"),
        (errors.Overloaded(""), "1"),
        (errors.Parked(""), None),
        (errors.HistoryLost(""), None),
        (errors.KeyReused(""), None),
    ],
    ids=kind_of,
)
def test_who_may_come_again_is_told_when(error: GatewayError, seconds: str | None) -> None:
    """And nobody is sent round in circles who needs an operator."""
    problem = problem_of(error, request_id="r", instance="/", vendor=None, writes=True)
    assert response_of(error, problem, {}).headers.get("Retry-After") == seconds


@pytest.mark.parametrize("seconds", [0, -1])
def test_nobody_is_told_to_come_again_at_once(seconds: int) -> None:
    """A lease that ends this moment is a second to wait."""
    assert errors.InProgress("", retry_after=seconds).retry_after == 1
    assert errors.Reconciling("", retry_after=seconds).retry_after == 1


def test_a_refusal_names_the_operation_that_it_is_about() -> None:
    """For the caller to look it up."""
    error = errors.Parked("")
    error.operation_id = "op_00112233445566778899aabbccddeeff"
    problem = problem_of(error, request_id="r", instance="/", vendor=None, writes=True)
    assert problem.operation_id == error.operation_id


def test_every_error_that_is_raised_has_a_status_and_a_title() -> None:
    """A class that was forgotten would be answered as a fault of ours."""
    branches = {errors.Rejected, errors.Denied, errors.Busy, errors.KeyConflict, errors.VendorError}
    raised = set(kinds(GatewayError)) - branches
    assert raised == set(STATUS)
    assert {kind.code for kind in raised} == set(TITLES)


def kinds(root: type[GatewayError]) -> list[type[GatewayError]]:
    """The gateway's own classes below one."""
    own = [kind for kind in root.__subclasses__() if kind.__module__ == errors.__name__]
    return own + [below for kind in own for below in kinds(kind)]
