"""Each fault, once, over a real socket: what a caller of the pretend vendor really sees."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn

from gateway.sandbox.reevo import READ_WRITE_KEY, ReevoSandbox
from gateway.sandbox.slant import READ_WRITE_TOKEN, SlantSandbox
from gateway.sandbox.slant_seed import BOOK_EAST

DEAL = {"book_id": BOOK_EAST, "name": "Fault target", "pipeline_type": "prospect"}
LIST = "/v1/opportunities"


@pytest.fixture(scope="module", params=["h11", "httptools"])
async def served(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a Slant that uvicorn serves on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            SlantSandbox().asgi(), http=request.param, ws="none", lifespan="off", log_config=None
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            headers={"authorization": f"Bearer {READ_WRITE_TOKEN}"},
        ) as client:
            yield client
        server.should_exit = True
        await running


@pytest.fixture
async def slant(served: httpx.AsyncClient) -> httpx.AsyncClient:
    assert (await served.post("/_reset")).status_code == 204
    return served


async def script(slant: httpx.AsyncClient, fault: dict[str, Any], **rest: Any) -> None:
    match = {"method": "POST", "path": LIST}
    answer = await slant.post("/_faults", json={"match": match, "fault": fault, **rest})
    assert answer.status_code == 201, answer.text


async def effects(slant: httpx.AsyncClient) -> list[str]:
    return [each["effect"] for each in (await slant.get("/_ledger")).json()["effects"]]


async def effects_in_the_end(slant: httpx.AsyncClient) -> list[str]:
    """The effects once there are any."""
    for _ in range(500):
        if found := await effects(slant):
            return found
        await asyncio.sleep(0.01)
    return []


async def last_status(slant: httpx.AsyncClient) -> int | None:
    status: int | None = (await slant.get("/_ledger")).json()["requests"][-1]["status"]
    return status


async def test_a_status_before_the_effect_prevents_it(slant: httpx.AsyncClient) -> None:
    fault = {"kind": "status", "status": 503, "headers": {"Retry-After": 7}, "body": {"a": "b"}}
    await script(slant, fault)
    answer = await slant.post(LIST, json=DEAL)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert answer.json() == {"a": "b"}
    assert await effects(slant) == []
    assert await last_status(slant) == 503


async def test_a_status_after_the_effect_hides_it(slant: httpx.AsyncClient) -> None:
    page = {"text": "<h1>Bad gateway</h1>", "content_type": "text/html"}
    await script(slant, {"kind": "status", "status": 502, "body": page}, when="after")
    answer = await slant.post(LIST, json=DEAL)
    assert (answer.status_code, answer.text) == (502, "<h1>Bad gateway</h1>")
    assert answer.headers["content-type"] == "text/html"
    assert await effects(slant) == ["create"]


async def test_a_status_without_a_body_has_an_empty_one(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "status", "status": 504})
    answer = await slant.post(LIST, json=DEAL)
    assert (answer.status_code, answer.content) == (504, b"")
    assert "content-type" not in answer.headers


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_delay_ends_in_the_true_answer(slant: httpx.AsyncClient, when: str) -> None:
    await script(slant, {"kind": "delay", "seconds": 0.01}, when=when)
    answer = await slant.post(LIST, json=DEAL)
    assert answer.json()["name"] == "Fault target"
    assert await effects(slant) == ["create"]


async def test_a_caller_that_gives_up_on_a_delay_meets_the_effect_later(
    slant: httpx.AsyncClient,
) -> None:
    await script(slant, {"kind": "delay", "seconds": 0.1})
    with pytest.raises(httpx.ReadTimeout):
        await slant.post(LIST, json=DEAL, timeout=httpx.Timeout(5, read=0.02))
    assert await effects_in_the_end(slant) == ["create"]


async def test_a_hang_never_answers_and_ends_with_the_caller(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "hang"})
    with pytest.raises(httpx.ReadTimeout):
        await slant.post(LIST, json=DEAL, timeout=httpx.Timeout(5, read=0.05))
    assert await effects(slant) == []
    assert await last_status(slant) is None


async def test_a_reset_breaks_the_connection_without_an_answer(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "reset"}, when="after")
    with pytest.raises(httpx.ReadError):
        await slant.post(LIST, json=DEAL)
    assert await effects(slant) == ["create"]
    assert await last_status(slant) is None


async def test_a_truncated_answer_ends_before_its_length(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "truncated"}, times=2)
    with pytest.raises(httpx.RemoteProtocolError):
        await slant.post(LIST, json=DEAL)
    async with slant.stream("POST", LIST, json=DEAL) as answer:
        assert answer.status_code == 200
        announced = int(answer.headers["content-length"])
        assert announced > answer.num_bytes_downloaded


async def test_a_truncated_answer_is_the_half_of_the_true_one(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "truncated"}, when="after")
    parts = []
    async with slant.stream("POST", LIST, json=DEAL) as answer:
        with pytest.raises(httpx.RemoteProtocolError):
            parts.extend([part async for part in answer.aiter_bytes()])
    assert answer.status_code == 201
    assert await effects(slant) == ["create"]


async def test_garbage_calls_itself_json_and_is_none(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "garbage"})
    answer = await slant.post(LIST, json=DEAL)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match=r"."):
        answer.json()


async def test_a_drip_is_the_true_answer_byte_by_byte(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "drip", "bytes_per_second": 100000})
    async with slant.stream("POST", LIST, json={}) as answer:
        parts = [part async for part in answer.aiter_raw()]
    assert answer.status_code == 422
    assert len(parts) > 1
    assert b"".join(parts).startswith(b'{"error"')


async def test_a_drip_ends_with_the_caller(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "drip", "bytes_per_second": 1})
    with pytest.raises(httpx.ReadTimeout):
        await slant.post(LIST, json=DEAL, timeout=httpx.Timeout(5, read=0.05))
    assert await effects(slant) == ["create"]


async def test_a_huge_answer_is_one_json_string_of_that_size(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "huge", "bytes": 200_000})
    answer = await slant.post(LIST, json=DEAL)
    assert len(answer.content) == 200_000
    assert len(answer.json()) == 199_998


async def test_a_redirect_points_elsewhere(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "redirect", "location": "http://elsewhere.test/"})
    answer = await slant.post(LIST, json=DEAL)
    assert (answer.status_code, answer.headers["location"]) == (307, "http://elsewhere.test/")


async def test_a_fault_meant_for_one_body_leaves_the_others_alone(
    slant: httpx.AsyncClient,
) -> None:
    meant = {"match": {"body": "tag-b"}, "fault": {"kind": "status", "status": 503}}
    await slant.post("/_faults", json=meant)
    names = ("Deal tag-a", "Deal tag-b", "Deal tag-b")
    answers = [await slant.post(LIST, json={**DEAL, "name": name}) for name in names]
    assert [answer.status_code for answer in answers] == [201, 503, 201]


async def test_a_late_effect_comes_when_its_caller_is_long_gone(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "late", "seconds": 0.1})
    with pytest.raises(httpx.ReadTimeout):
        await slant.post(LIST, json=DEAL, timeout=httpx.Timeout(5, read=0.02))
    assert await effects_in_the_end(slant) == ["create"]
    assert await last_status(slant) is None


async def test_a_late_effect_is_never_answered(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "late", "seconds": 0})
    with pytest.raises(httpx.ReadTimeout):
        await slant.post(LIST, json=DEAL, timeout=httpx.Timeout(5, read=0.2))
    assert await effects_in_the_end(slant) == ["create"]


async def test_a_reset_of_the_vendor_forgets_what_is_still_to_come(
    slant: httpx.AsyncClient,
) -> None:
    await script(slant, {"kind": "late", "seconds": 0.05})
    with pytest.raises(httpx.ReadTimeout):
        await slant.post(LIST, json=DEAL, timeout=httpx.Timeout(5, read=0.02))
    await slant.post("/_reset")
    await asyncio.sleep(0.2)
    assert await effects(slant) == []


async def test_a_call_handled_twice_has_two_effects_and_the_answer_of_the_first(
    slant: httpx.AsyncClient,
) -> None:
    await script(slant, {"kind": "twice"})
    answer = await slant.post(LIST, json=DEAL)
    made = (await slant.get("/_ledger")).json()["effects"]
    assert [each["effect"] for each in made] == ["create", "create"]
    assert made[0]["record_id"] != made[1]["record_id"]
    assert answer.json()["id"] == made[0]["record_id"]


async def test_a_call_handled_twice_under_one_key_has_one_effect(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "twice"})
    answer = await slant.post(LIST, json=DEAL, headers={"idempotency-key": "k-1"})
    assert answer.status_code == 201
    assert await effects(slant) == ["create"]


@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "delay", "seconds": 1}])
async def test_any_answer_can_be_spoilt_behind_two_effects(
    slant: httpx.AsyncClient, fault: dict[str, Any]
) -> None:
    await script(slant, fault, when="twice")
    with pytest.raises(httpx.TransportError):
        await slant.post(LIST, json=DEAL, timeout=httpx.Timeout(5, read=0.2))
    assert await effects_in_the_end(slant) == ["create", "create"]


async def test_a_wrong_id_is_the_true_answer_under_another_id(slant: httpx.AsyncClient) -> None:
    await script(slant, {"kind": "wrong_id", "id": "opp_other"})
    answer = await slant.post(LIST, json=DEAL)
    assert (answer.status_code, answer.json()["id"]) == (201, "opp_other")
    assert answer.json()["name"] == DEAL["name"]
    (effect,) = (await slant.get("/_ledger")).json()["effects"]
    assert effect["record_id"] != "opp_other"


async def test_a_wrong_id_goes_into_the_envelope_of_a_vendor_that_has_one() -> None:
    reevo = ReevoSandbox()
    reevo.faults.add({"fault": {"kind": "wrong_id", "id": "another"}})
    record_id = next(iter(reevo.records))
    transport = httpx.ASGITransport(app=reevo.asgi())
    headers = {"x-api-key": READ_WRITE_KEY}
    async with httpx.AsyncClient(transport=transport, base_url="http://reevo") as client:
        answer = await client.get(f"/api/v2/opportunity/{record_id}", headers=headers)
    assert (answer.status_code, answer.json()["data"]["id"]) == (200, "another")


async def test_without_a_socket_a_reset_is_an_exception() -> None:
    slant = SlantSandbox()
    slant.faults.add({"fault": {"kind": "reset"}})
    transport = httpx.ASGITransport(app=slant.asgi())
    async with httpx.AsyncClient(transport=transport, base_url="http://slant") as client:
        with pytest.raises(ConnectionResetError):
            await client.get("/v1/me")


async def test_without_a_socket_a_truncated_answer_is_shorter_than_it_says() -> None:
    slant = SlantSandbox()
    slant.faults.add({"fault": {"kind": "truncated"}})
    transport = httpx.ASGITransport(app=slant.asgi())
    async with httpx.AsyncClient(transport=transport, base_url="http://slant") as client:
        answer = await client.get("/v1/me")
    assert int(answer.headers["content-length"]) > len(answer.content)
