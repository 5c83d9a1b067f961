"""Which problems an operation may answer with, and an example of each."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.api import examples
from gateway.api.problems import STATUS

WRITES: Final = frozenset({"create_opportunity", "update_opportunity", "delete_opportunity"})
_PUTTING: Final = frozenset({"create_opportunity", "update_opportunity", "translate"})
ONLY: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(
        (
            "idempotency-key-missing", "idempotency-key-invalid", "idempotency-key-reused",
            "history-lost", "record-busy", "partially-applied", "outcome-indeterminate",
        ),
        WRITES,
    ),
    **dict.fromkeys(
        (
            "unsupported-field", "value-not-representable", "ambiguous-reference",
            "unknown-custom-field",
        ),
        _PUTTING,
    ),
    "idempotency-in-progress": WRITES | {"resolve_operation"},
    "operation-settled": frozenset({"resolve_operation"}),
    "operation-not-found": frozenset({"get_operation", "resolve_operation"}),
    "request-not-found": frozenset({"get_request"}),
    "matches-existing": frozenset({"create_opportunity", "translate"}),
    "precondition-required": frozenset({"update_opportunity", "delete_opportunity", "translate"}),
    "invalid-cursor": frozenset({"list_opportunities", "list_operations"}),
    "unsupported-filter": frozenset({"list_opportunities"}),
    "route-not-found": frozenset(),
    "method-not-allowed": frozenset(),
}  # fmt: skip
"""Code → the operations that alone answer with it; the rest may come of any, the last of none."""

EXAMPLES: Final[dict[str, dict[str, Any]]] = {}
"""Those that some operation shows, by name: kept once for all that answer with it."""


def codes(status: int, operation_id: str) -> list[str]:
    """The codes that an operation may answer with under a status."""
    known = {kind.code for kind, of_kind in STATUS.items() if of_kind == status}
    return sorted(code for code in known if operation_id in ONLY.get(code, {operation_id}))


def example(status: int, code: str, operation_id: str) -> str:
    """The name of a problem's example; one about a write tells its outcome too."""
    writes = operation_id in WRITES
    name = f"{status}-{code}-of-a-write" if writes else f"{status}-{code}"
    if name not in EXAMPLES:
        shown = (
            each for each in examples.SHOWN if (STATUS[type(each)], each.code) == (status, code)
        )
        EXAMPLES[name] = {"value": examples.problem(next(shown), writes=writes)}
    return name


def of_no_operation() -> Iterator[dict[str, Any]]:
    """Examples of what is answered where the document has no operation."""
    for error in examples.SHOWN:
        if ONLY.get(error.code) == frozenset():
            yield examples.problem(error, writes=False)
