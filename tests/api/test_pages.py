"""What is not part of v1: liveness, readiness, the document, and pages for people."""

import pytest

from gateway.api import problems
from gateway.idempotency.amnesia import Highwaters
from gateway.idempotency.memory import MemoryStore
from gateway.idempotency.monitor import Monitor
from tests.sandboxed import Sandboxed


@pytest.mark.parametrize(("path", "status"), [("/livez", "ok"), ("/readyz", "ready")])
async def test_probes_answer_without_a_vendor(house: Sandboxed, path: str, status: str) -> None:
    """They are about this process; a broken vendor takes no replica out of service."""
    for simulator in house.sandbox.state.simulators.values():
        simulator.faults.add({"fault": {"kind": "hang"}, "times": 9})
    answer = await house.ask("GET", path)
    assert (answer.status, answer.json) == (200, {"status": status})


def monitor(*, strict: bool) -> Monitor:
    """A watch over a store that is well and was not looked at yet."""
    return Monitor(MemoryStore(), highwaters=Highwaters(), keep_ms=1000, strict=strict)


async def test_a_replica_that_waits_for_its_store_is_not_ready(house: Sandboxed) -> None:
    """503 keeps a balancer away from it, with the reason; then it is ready."""
    house.app.state.monitor = watch = monitor(strict=True)
    answer = await house.ask("GET", "/readyz")
    assert (answer.status, answer.json) == (503, {"status": "unready", "reasons": ["starting"]})
    assert (await house.ask("GET", "/livez")).status == 200
    await watch.look()
    answer = await house.ask("GET", "/readyz")
    assert (answer.status, answer.json) == (200, {"status": "ready"})


async def test_a_degraded_replica_is_ready_and_says_why(house: Sandboxed) -> None:
    """It still serves what it can."""
    house.app.state.monitor = watch = monitor(strict=False)
    await watch.noticed("00", known=2, found=1)
    answer = await house.ask("GET", "/readyz")
    assert (answer.status, answer.json) == (200, {"status": "degraded", "reasons": ["amnesia"]})


async def test_the_document_is_the_applications(house: Sandboxed) -> None:
    """As JSON, whatever the configuration."""
    answer = await house.ask("GET", "/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == house.app.openapi()


async def test_the_page_for_people_links_to_no_other_host(house: Sandboxed) -> None:
    """Every operation and every problem is on it; it loads nothing."""
    response = await house.api.get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    for methods in house.app.openapi()["paths"].values():
        for operation in methods.values():
            assert operation["operationId"] in response.text
    for code in problems.TITLES:
        assert f'href="/problems/{code}"' in response.text
    assert "http://" not in response.text
    assert "https://" not in response.text
    assert "<script" not in response.text


async def test_a_page_repeats_nothing_of_its_address(house: Sandboxed) -> None:
    """What is asked for is never echoed as markup."""
    response = await house.api.get("/problems/%3Cimg%20src=x%3E")
    assert response.status_code == 404
    assert "<img" not in response.text
