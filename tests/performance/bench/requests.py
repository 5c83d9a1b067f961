"""What is asked for: the very same request of performance.md, and the mix that users have."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

WORDS: Final = "Wants a quote for the second plant by spring, with service for three years. "


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One kind of request; `{record}` in its path stands for a record of the vendor."""

    vendor: str
    method: str
    path: str
    content: Mapping[str, Any] | None = None
    weight: int = 0
    """Its share of the mix, in percent."""
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """As it is sent."""
        return b"" if self.content is None else json.dumps(self.content).encode()

    @property
    def headers(self) -> dict[str, str]:
        """Beside the key."""
        kind = {"Content-Type": "application/json"} if self.content else {}
        return {**kind, **self.more}

    @property
    def writes(self) -> bool:
        """Whether it needs an idempotency key of its own."""
        return self.method != "GET"


def _patch(vendor: str, content: Mapping[str, Any], weight: int) -> Act:
    path = f"/v1/opportunities/acme-{vendor}.{{record}}"
    return Act(vendor=vendor, method="PATCH", path=path, content=content, weight=weight)


def _get(vendor: str, weight: int) -> Act:
    path = f"/v1/opportunities/acme-{vendor}.{{record}}"
    return Act(vendor=vendor, method="GET", path=path, weight=weight)


PATCH: Final = _patch(
    "close",
    {
        "description": (WORDS * 9)[:600],
        "value": {"amount": "48250.00", "currency": "USD", "period": "annual"},
        "probability": 60,
        "custom_fields": {"robots": ["Picker", "Courier"]},
    },
    4,
)
"""The request that everything is compared by: 764 bytes, one vendor call."""

ACTS: Final[Mapping[str, Act]] = {
    "patch": PATCH,
    "patch slant": _patch("slant", {"value": {"amount": "1200", "currency": "USD"}}, 4),
    "patch reevo": _patch("reevo", {"value": {"amount": "1200.50"}}, 4),
    "patch coperniq": _patch("coperniq", {"value": {"amount": "1200.5"}}, 3),
    "get": _get("close", 20),
    "get slant": _get("slant", 20),
    "get reevo": _get("reevo", 20),
    "get coperniq": _get("coperniq", 20),
    "create": Act(
        vendor="close",
        method="POST",
        path="/v1/opportunities",
        content={
            "connection": "acme-close",
            "value": {"amount": "900.00", "currency": "USD"},
            "description": "From the bench.",
        },
        weight=5,
    ),
    "list": Act(
        vendor="close", method="GET", path="/v1/opportunities?connection=acme-close&limit=200"
    ),
    "dry run": Act(
        vendor="close",
        method="POST",
        path="/v1/connections/acme-close/translations",
        content={
            "operation": "create",
            "body": {
                "connection": "acme-close",
                "value": {"amount": "900.00", "currency": "USD"},
            },
        },
    ),
}
MIX: Final = tuple(name for name, act in ACTS.items() if act.weight)
assert sum(act.weight for act in ACTS.values()) == 100
