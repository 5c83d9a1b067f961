"""Metrics: what is counted under which name, within bounds, and in the format that is scraped."""

from dataclasses import replace

import pytest

from gateway.idempotency.registry import Happened
from gateway.shared.trail import StoreCalled, VendorCalled
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.scrape import CONTENT_TYPE, Left, Scrape, State
from tests.records import draft
from tests.sandboxed import sandboxed, tree
from tests.telemetry.scraped import Scraped
from tests.telemetry.served import SERVED

WELL = State(
    ready=True,
    draining=False,
    reasons=(),
    operations={"open": 2, "indeterminate": 1},
    breakers={"acme-one": False, "acme-two": True},
    limits=[Left("acme-one", "credential", "60", 7)],
)
CALLED = VendorCalled(
    vendor="acme",
    connection="acme-one",
    effect="read",
    step="get",
    method="GET",
    status=200,
    code=None,
    sent=True,
    began_ns=0,
    seconds=0.2,
    bytes_out=0,
    bytes_in=99,
)
NAMES = {
    "gateway_requests": "route method status code outcome",
    "gateway_request_seconds": "route method",
    "gateway_requests_in_flight": "",
    "gateway_caller_requests": "caller",
    "gateway_vendor_calls": "vendor connection effect status",
    "gateway_vendor_call_seconds": "vendor effect",
    "gateway_limit_left": "connection scope window",
    "gateway_breaker_open": "connection",
    "gateway_connection_up": "connection",
    "gateway_requests_unrecorded": "",
    "gateway_idempotency": "status",
    "gateway_operation_events": "kind",
    "gateway_operations": "state",
    "gateway_store_seconds": "script ok",
    "gateway_store_up": "",
    "gateway_amnesia": "",
    "gateway_event_loop_lag_seconds": "",
    "gateway_ready": "",
    "gateway_degraded": "reason",
    "gateway_draining": "",
    "gateway_faults": "",
    "gateway_configuration_reloads": "taken",
    "gateway_build_info": "version",
}
"""Every metric of ours, with its labels: alerts and dashboards ask for them by these names."""


async def scraped(metrics: Metrics, state: State = WELL) -> Scraped:
    """All that is told."""

    async def look() -> State:
        return state

    return Scraped((await Scrape(metrics, look).text()).decode())


@pytest.fixture
def metrics() -> Metrics:
    """Of a process in which nothing has happened yet, with room for two connections."""
    return Metrics(max_connections=2)


async def test_every_metric_has_its_name_and_its_labels(metrics: Metrics) -> None:
    """Alerts and dashboards hold on to both."""
    metrics.hooks.began()
    metrics.hooks.served(SERVED._replace(caller="billing", idempotency="created"))
    metrics.hooks.called(CALLED)
    metrics.hooks.stored(StoreCalled(script="begin", ok=True, began_ns=0, seconds=0.001))
    metrics.is_up("acme-one", ready=True)
    found = (await scraped(metrics)).labels
    ours = {name: labels for name, labels in found.items() if not name.startswith("process_")}
    assert ours == {name: set(labels.split()) for name, labels in NAMES.items()}


async def test_a_request_is_counted_once_under_what_became_of_it(metrics: Metrics) -> None:
    """By its route as a template, and never by its path."""
    route = "/v1/opportunities/{opportunity_id}"
    metrics.hooks.began()
    metrics.hooks.began()
    write = SERVED._replace(method="PATCH", status=504, code="outcome-indeterminate")
    metrics.hooks.served(
        write._replace(outcome="unknown", idempotency="indeterminate", caller="billing")
    )
    found = await scraped(metrics)
    assert (
        found[
            f'gateway_requests_total{{code="outcome-indeterminate",method="PATCH",outcome="unknown",route="{route}",status="504"}}'
        ]
        == 1
    )
    assert found[f'gateway_request_seconds_count{{method="PATCH",route="{route}"}}'] == 1
    assert found[f'gateway_request_seconds_bucket{{le="0.25",method="PATCH",route="{route}"}}'] == 1
    assert found[f'gateway_request_seconds_bucket{{le="0.1",method="PATCH",route="{route}"}}'] == 0
    assert found['gateway_caller_requests_total{caller="billing"}'] == 1
    assert found['gateway_idempotency_total{status="indeterminate"}'] == 1
    assert found["gateway_requests_in_flight"] == 1
    assert found["gateway_faults_total"] == 0


async def test_methods_that_callers_make_up_are_told_together(metrics: Metrics) -> None:
    """Else a caller could make as many series as it likes."""
    for method in ("BREW", "WHEN", "PROPFIND"):
        metrics.hooks.served(SERVED._replace(method=method, route="-"))
    found = await scraped(metrics)
    assert found['gateway_request_seconds_count{method="other",route="-"}'] == 3


async def test_calls_are_told_by_connection_within_bounds(metrics: Metrics) -> None:
    """Those beyond are counted together, and have no gauges."""
    for name in ("acme-one", "acme-two", "acme-three", "acme-four"):
        metrics.hooks.called(CALLED._replace(connection=name))
        metrics.is_up(name, ready=True)
    late = CALLED._replace(connection="acme-two", status=None, code="vendor-unavailable")
    metrics.hooks.called(late)
    crowd = dict.fromkeys(("acme-one", "acme-two", "acme-three"), False)
    limits = [Left(name, "group", "", 5) for name in crowd]
    found = await scraped(metrics, replace(WELL, breakers=crowd, limits=limits))
    calls = {name: value for name, value in found.items() if "vendor_calls_total" in name}
    vendor = 'effect="read",status="200",vendor="acme"'
    away = 'effect="read",status="vendor-unavailable",vendor="acme"'
    assert calls == {
        f'gateway_vendor_calls_total{{connection="acme-one",{vendor}}}': 1,
        f'gateway_vendor_calls_total{{connection="acme-two",{vendor}}}': 1,
        f'gateway_vendor_calls_total{{connection="other",{vendor}}}': 2,
        f'gateway_vendor_calls_total{{connection="acme-two",{away}}}': 1,
    }
    assert found['gateway_vendor_call_seconds_count{effect="read",vendor="acme"}'] == 5
    assert not [name for name in found if "acme-three" in name]
    assert 'gateway_limit_left{connection="acme-two",scope="group",window=""}' in found
    assert 'gateway_breaker_open{connection="acme-two"}' in found
    assert 'gateway_connection_up{connection="acme-two"}' in found


async def test_a_connection_that_was_taken_out_is_not_down(metrics: Metrics) -> None:
    """Its gauge goes with it; an alert on it would never end."""
    metrics.is_up("acme-one", ready=False)
    assert (await scraped(metrics))['gateway_connection_up{connection="acme-one"}'] == 0
    left = await scraped(metrics, replace(WELL, breakers={"acme-two": False}))
    assert 'gateway_connection_up{connection="acme-one"}' not in left


async def test_of_limits_with_one_name_the_scarcest_is_told(metrics: Metrics) -> None:
    """Prometheus takes no scrape in which a sample stands twice."""
    limits = [Left("acme-one", "credential", "60", each) for each in (7, 3, 9)]
    found = await scraped(metrics, replace(WELL, limits=limits))
    assert found['gateway_limit_left{connection="acme-one",scope="credential",window="60"}'] == 3


async def test_what_may_go_wrong_is_told_as_0_before_it_does(metrics: Metrics) -> None:
    """An increase from nothing at all is none to Prometheus."""
    found = await scraped(metrics)
    for kind in ("parked", "duplicate-detected", "late", "fenced", "not-stored", "not-taken-back"):
        assert found[f'gateway_operation_events_total{{kind="{kind}"}}'] == 0
    assert found['gateway_configuration_reloads_total{taken="no"}'] == 0
    assert found["gateway_faults_total"] == 0


async def test_what_happens_beside_requests_is_counted(metrics: Metrics) -> None:
    """Events of writes, faults of ours, changed configurations, calls to the store."""
    hooks = metrics.hooks
    hooks.happened(
        Happened(kind="parked", operation_id="op_1", connection="a", vendor="b", detail="c")
    )
    hooks.fault(ValueError())
    hooks.served(SERVED._replace(status=500, fault=ValueError()))
    hooks.served(SERVED._replace(status=502, fault=ValueError()))
    hooks.taken_on()
    hooks.refused(["callers: is wrong"])
    hooks.refused(["callers: is wrong"])
    hooks.stored(StoreCalled(script="begin", ok=False, began_ns=0, seconds=1.3))
    found = await scraped(metrics)
    assert found['gateway_operation_events_total{kind="parked"}'] == 1
    assert found["gateway_faults_total"] == 2
    assert found['gateway_configuration_reloads_total{taken="yes"}'] == 1
    assert found['gateway_configuration_reloads_total{taken="no"}'] == 2
    assert found['gateway_store_seconds_sum{ok="no",script="begin"}'] == 1.3


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        ((), {}),
        (("store-unavailable",), {"store-unavailable"}),
        (("amnesia", "overloaded"), {"amnesia", "overloaded"}),
        (("61 % of maxmemory are used", "appendonly is off"), {"store-settings"}),
    ],
)
async def test_why_a_replica_is_degraded_is_a_word_of_few(
    metrics: Metrics, reasons: tuple[str, ...], told: set[str]
) -> None:
    """What the store's settings are blamed for has numbers in it, and is one reason here."""
    found = await scraped(metrics, replace(WELL, reasons=reasons))
    words = {name: value for name, value in found.items() if name.startswith("gateway_degraded")}
    assert len(words) == 5
    assert {name for name, value in words.items() if value} == {
        f'gateway_degraded{{reason="{word}"}}' for word in told
    }
    assert found["gateway_store_up"] == ("store-unavailable" not in told)
    assert found["gateway_amnesia"] == ("amnesia" in told)


async def test_how_things_stand_is_told_as_it_is(metrics: Metrics) -> None:
    """Readiness, the drain, breakers and unsettled writes."""
    found = await scraped(metrics, replace(WELL, ready=False, draining=True))
    assert (found["gateway_ready"], found["gateway_draining"]) == (0, 1)
    assert found['gateway_breaker_open{connection="acme-one"}'] == 0
    assert found['gateway_breaker_open{connection="acme-two"}'] == 1
    assert found['gateway_operations{state="open"}'] == 2
    assert found['gateway_operations{state="indeterminate"}'] == 1


async def test_a_store_that_is_away_leaves_a_gap(metrics: Metrics) -> None:
    """No number is better than one that is not so."""
    found = await scraped(metrics, replace(WELL, operations={}, reasons=("store-unavailable",)))
    assert not [name for name in found if name.startswith("gateway_operations{")]


async def test_a_gateway_tells_of_its_requests_and_its_connections() -> None:
    """The whole path: a write, the vendor calls that it made, and what is left of the limits."""
    async with sandboxed() as house:
        answer = await house.ask("POST", "/v1/opportunities", draft("slant"))
        assert answer.status == 201, answer.content
        response = await house.api.get("/metrics")
    assert response.headers["content-type"] == CONTENT_TYPE
    found = Scraped(response.text)
    became = 'code="",method="POST",outcome="applied",route="/v1/opportunities",status="201"'
    assert found[f"gateway_requests_total{{{became}}}"] == 1
    assert found['gateway_idempotency_total{status="created"}'] == 1
    writes = [name for name in found if 'effect="write"' in name and "calls_total" in name]
    assert writes
    assert all('connection="acme-slant"' in name for name in writes)
    assert found['gateway_connection_up{connection="acme-slant"}'] == 1
    assert any(name.startswith('gateway_limit_left{connection="acme-slant"') for name in found)
    assert found["gateway_requests_in_flight"] == 1  # the scrape itself


async def test_a_read_has_no_idempotency() -> None:
    """Also one that fails: only what writes said is counted."""
    async with sandboxed() as house:
        assert (await house.ask("GET", "/v1/opportunities/acme-slant.nothing")).status == 404
        found = Scraped((await house.api.get("/metrics")).text)
    assert not [name for name in found if name.startswith("gateway_idempotency")]


async def test_metrics_with_a_port_of_their_own_are_nowhere_else() -> None:
    """And nothing else is there: whoever may scrape may not ask for the rest."""
    async with sandboxed({**tree(), "server": {"metrics_port": 9090}}) as house:
        answers = {
            (port, path): (await house.ask("GET", f"http://gateway.test:{port}{path}")).status
            for port in (8080, 9090)
            for path in ("/metrics", "/livez", "/v1/connections")
        }
    assert answers == {
        (8080, "/metrics"): 404, (8080, "/livez"): 200, (8080, "/v1/connections"): 200,
        (9090, "/metrics"): 200, (9090, "/livez"): 404, (9090, "/v1/connections"): 404,
    }  # fmt: skip
