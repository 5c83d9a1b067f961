"""What the dashboard and the alerts ask is answered by a real Prometheus over a real gateway."""

from collections.abc import AsyncIterator
from typing import Final

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.expressions import (
    ALERTS,
    DEPLOY,
    families,
    queries,
    rules,
    selectors,
    variables,
)
from tests.deploy.watched import Watched, watched
from tests.faults.waiting import until

README: Final = (DEPLOY / "README.md").read_text(encoding="utf-8")
QUERIES: Final = queries()
NOTICED: Final = frozenset(
    (
        "BreakerOpen", "CallersRefused", "CallersThrottled", "ConnectionNotReady",
        "HighErrorRate", "IndeterminateWrites", "VendorCredentialsInvalid", "WritesParked",
    )
)  # fmt: skip
"""The alerts that a bad minute is due to begin; whether they last is another question."""


@pytest.fixture(scope="module")
async def bad_minute(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    """A gateway that had all kinds of trouble, twice, so that rates have something to tell."""
    async with watched(tmp_path_factory.mktemp("watched")) as running:
        for _ in range(2):
            await running.lives_through_a_bad_minute()
        yield running


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
async def test_every_query_of_the_dashboard_returns_data(bad_minute: Watched, query: str) -> None:
    """Each panel shows numbers once something has happened, and never nothing at all."""
    assert await until(lambda: bool(bad_minute.prometheus.values(query)))


async def test_every_variable_of_the_dashboard_has_values(bad_minute: Watched) -> None:
    """Replica, vendor and connection can be chosen from what is there."""
    for name, (selector, label) in variables().items():
        chosen = selector.replace('"$vendor"', '".*"')
        assert await until(lambda: bool(bad_minute.prometheus.labels(label, chosen))), name  # noqa: B023 - it is called at once


@pytest.mark.parametrize("name", ALERTS)
async def test_every_series_that_an_alert_is_about_exists(bad_minute: Watched, name: str) -> None:
    """An alert about series that nobody tells could never fire, and nobody would know."""
    for selector in selectors(ALERTS[name].expression):
        assert await until(lambda: bool(bad_minute.prometheus.values(selector))), selector  # noqa: B023 - it is called at once


async def test_prometheus_can_evaluate_every_rule(bad_minute: Watched) -> None:
    """No rule meets series that it cannot match, as they come from a gateway."""
    named = {rule.name for rule in rules()}

    def well() -> set[str]:
        found = bad_minute.prometheus.rules()
        return {name for name, rule in found.items() if rule["health"] == "ok"}

    assert await until(lambda: well() == named), named - well()


async def test_the_alerts_notice_the_trouble(bad_minute: Watched) -> None:
    """What went wrong makes those alerts begin that are for it, with sentences that are whole."""

    def begun() -> set[str]:
        return set(bad_minute.prometheus.labels("alertname", "ALERTS"))

    assert await until(lambda: begun() >= NOTICED), NOTICED - begun()
    found = bad_minute.prometheus.rules()
    active = [alert for name in ALERTS for alert in found[name]["alerts"]]
    sentences = [sentence for alert in active for sentence in alert["annotations"].values()]
    assert sentences
    assert [sentence for sentence in sentences if "<" in sentence] == []


async def test_what_is_asked_is_told_and_what_is_told_is_asked(bad_minute: Watched) -> None:
    """The gateway has every metric of the queries, and a query or the page has each of its own."""
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(bad_minute.metrics)).text
    told = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(text)
        if family.name.startswith("gateway_")
    }
    expressions = (*QUERIES.values(), *(rule.expression for rule in rules()))
    asked = {name for expression in expressions for name in families(expression)}
    assert asked - told == set()
    assert {name for name in told - asked if f"`{name}`" not in README} == set()
