"""All the edges that a record may take (reliability.md 2.3); what is not here must not happen."""

from gateway.idempotency.record import State

Edge = tuple[str, State | None, State | None]
"""A script, the state before and the state after; None is no record."""

EDGES: frozenset[Edge] = frozenset(
    {
        ("begin", None, "claimed"),
        ("begin", "claimed", "claimed"),
        ("begin", "not_applied", "claimed"),
        ("begin", "claimed", "reconciling"),
        ("begin", "dispatched", "reconciling"),
        ("begin", "reconciling", "reconciling"),
        ("take", "claimed", "claimed"),
        ("take", "claimed", "reconciling"),
        ("take", "dispatched", "reconciling"),
        ("take", "reconciling", "reconciling"),
        ("dispatch", "claimed", "dispatched"),
        ("undispatch", "dispatched", "claimed"),
        ("undispatch", "dispatched", "reconciling"),
        ("refuse", "dispatched", "claimed"),
        ("refuse", "dispatched", "not_applied"),
        ("refuse", "dispatched", "reconciling"),
        ("refuse", "reconciling", "claimed"),
        ("refuse", "reconciling", "not_applied"),
        ("step", "dispatched", "claimed"),
        ("step", "reconciling", "claimed"),
        ("resend", "reconciling", "claimed"),
        ("settle", "reconciling", "claimed"),
        ("settle", "reconciling", "completed"),
        ("settle", "reconciling", "not_applied"),
        ("settle", "indeterminate", "claimed"),
        ("settle", "indeterminate", "completed"),
        ("settle", "indeterminate", "not_applied"),
        ("park", "reconciling", "indeterminate"),
        ("complete", "claimed", "completed"),
        ("complete", "dispatched", "completed"),
        ("complete", "reconciling", "completed"),
        ("complete", "indeterminate", "completed"),
        ("complete", "not_applied", "completed"),
        ("release", "claimed", None),
        ("release", "claimed", "not_applied"),
        ("release", "claimed", "reconciling"),
        ("compact", "completed", "completed"),
    }
)
