"""Limits as the file sets them, in the place of the vendor's or beside them."""

from pathlib import Path
from typing import Any

import pytest

from gateway.canonical.capabilities import RateLimit
from gateway.settings import ConfigurationError, parse
from tests.sandboxed import tree


def configured(vendor: str, **members: Any) -> list[tuple[str, int | None, int | None]]:
    """The limits of a connection with these settings."""
    spelled = tree(**{f"acme_{vendor}": members})
    at = parse(spelled, {}, Path()).connections[f"acme-{vendor}"]
    return [(rate.scope, rate.limit, rate.window_seconds) for rate in at.rate_limits]


def rate(limit: Any, seconds: Any = 60) -> dict[str, Any]:
    return {"limit": limit, "window_seconds": seconds}


def test_without_settings_a_vendors_limits_are_in_force() -> None:
    """As its file declares them."""
    assert configured("coperniq") == [("credential", 100, 1), ("credential", 5_000, 86_400)]


def test_a_scope_that_is_set_takes_the_place_of_the_vendors() -> None:
    """The whole scope, and no other; an empty list lifts it."""
    group = ("group", 10_000, 3_600)
    egress = ("egress", 10_000, 3_600)
    assert configured("slant", limits={"credential": [rate(500, 3_600), rate(5, 1)]}) == [
        group, egress, ("credential", 500, 3_600), ("credential", 5, 1),
    ]  # fmt: skip
    assert configured("slant", limits={"credential": [], "group": []}) == [egress]


def test_a_limit_that_nobody_published_can_be_set() -> None:
    """Reevo's quota is told by its account manager (reevo.md 2)."""
    assert configured("reevo") == [("group", None, None)]
    assert configured("reevo", limits={"group": [rate(90)]}) == [("group", 90, 60)]


def test_limits_of_single_endpoints_are_learned_in_any_case() -> None:
    """A configured limit of the key stands beside them."""
    found = configured("close", limits={"credential": [rate(90)]})
    assert found == [("credential", None, None), ("group", None, None), ("credential", 90, 60)]


@pytest.mark.parametrize(
    ("limits", "where"),
    [
        ({"credential": [rate(0)]}, "limits.credential.0.limit"),
        ({"credential": [rate(5, 0)]}, "limits.credential.0.window_seconds"),
        ({"credential": [rate(5, 32 * 86_400)]}, "limits.credential.0.window_seconds"),
        ({"credential": [{"limit": 5}]}, "limits.credential.0.window_seconds"),
        ({"token": [rate(5)]}, "limits.token"),
        ({"group": rate(5)}, "limits.group"),
    ],
)
def test_what_is_no_limit_is_told(limits: dict[str, Any], where: str) -> None:
    """By its path."""
    with pytest.raises(ConfigurationError) as raised:
        configured("slant", limits=limits)
    assert any(f"connections.acme-slant.{where}" in fault for fault in raised.value.faults)


def test_a_group_has_a_name() -> None:
    """An empty one would join whoever left it empty."""
    with pytest.raises(ConfigurationError, match="limit_group"):
        configured("slant", limit_group="")


def test_a_scope_is_one_of_three_words() -> None:
    """What the engine counts by is what capabilities say."""
    assert {limit.scope for limit in _declared()} <= {"credential", "group", "egress"}


def _declared() -> list[RateLimit]:
    return [
        limit
        for at in parse(tree(), {}, Path()).connections.values()
        for limit in at.vendor.rate_limits
    ]
