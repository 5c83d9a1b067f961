"""The layers between a dialogue and the wire: credentials, deadline, health, and their order."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from gateway import errors
from gateway.engine.credentials import MASK, Proof, authenticated, proof_of
from gateway.engine.deadline import MIN_SECONDS, deadline
from gateway.engine.exchange import Call, Exchange, FreePermit, Layer, layered
from gateway.engine.health import Health, watched
from gateway.errors import GatewayError
from gateway.translator import (
    Auth,
    Basic,
    Bearer,
    Credentials,
    Header,
    VendorRequest,
    VendorResponse,
    read,
    write,
)
from tests.engine.speaker import said

READ = read("get", "things/1")
WRITE = write("update", "PATCH", "things/1", {})
FOREVER = 1e12
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

Answer = Callable[[Call], Awaitable[VendorResponse]]


def a_call(request: VendorRequest = READ, **members: Any) -> Call:
    """A call that has all the time there is, unless it is given less."""
    return Call(**{"request": request, "until": FOREVER, "patience": FOREVER, **members})


def answering(reply: VendorResponse | GatewayError) -> Exchange:
    """A wire that always says the same."""

    async def exchange(_: Call) -> VendorResponse:
        if isinstance(reply, GatewayError):
            raise reply
        return reply

    return exchange


def loop_time() -> float:
    """The clock of the running loop."""
    return asyncio.get_running_loop().time()


async def test_the_first_layer_of_the_list_is_the_outermost() -> None:
    """It sees the call first and the reply last."""
    seen: list[str] = []

    def noting(name: str) -> Layer:
        def around(inner: Exchange) -> Exchange:
            async def exchange(call: Call) -> VendorResponse:
                seen.append(name)
                reply = await inner(call)
                seen.append(name.upper())
                return reply

            return exchange

        return around

    await layered(answering(said()), [noting("a"), noting("b")])(a_call())
    assert seen == ["a", "b", "B", "A"]
    assert await layered(answering(said(7)), [])(a_call()) == said(7)


async def test_a_free_permit_lets_everything_go() -> None:
    """No record is kept in this version."""
    permit = FreePermit()
    await permit.leave(WRITE)
    await permit.note(WRITE, said())


@pytest.mark.parametrize(
    ("request_", "sent", "timeout", "kind"),
    [
        (READ, False, False, errors.NotSent),
        (READ, False, True, errors.NotSent),
        (WRITE, False, True, errors.NotSent),
        (READ, True, False, errors.VendorFaulted),
        (READ, True, True, errors.VendorTimeout),
        (WRITE, True, False, errors.Indeterminate),
        (WRITE, True, True, errors.IndeterminateTimeout),
    ],
)
def test_only_the_gate_tells_what_a_lost_call_means(
    request_: VendorRequest, sent: bool, timeout: bool, kind: type[GatewayError]
) -> None:
    """Before the first byte nothing was applied; after it nobody knows."""
    error = a_call(request_, sent=sent).lost("it broke", timeout=timeout)
    assert type(error) is kind
    assert "it broke" in error.message


class Keys(Credentials):
    """Two ways to prove who one is."""

    key: SecretStr | None = None
    token: SecretStr | None = None


@pytest.mark.parametrize(
    ("scheme", "header"),
    [
        (Basic(), {"Authorization": "Basic " + base64.b64encode(b"s3cret key:").decode()}),
        (Bearer(), {"Authorization": "Bearer s3cret key"}),
        (Header("x-api-key"), {"x-api-key": "s3cret key"}),
    ],
)
async def test_a_scheme_is_applied_and_can_be_shown_masked(
    scheme: Auth, header: dict[str, str]
) -> None:
    """What is shown has the scheme, and nothing of the secret, whatever the secret looks like."""
    proof = proof_of({"key": scheme}, Keys(key=SecretStr("s3cret key")))
    call = a_call()
    await layered(answering(said()), [authenticated(proof)])(call)
    assert call.headers == proof.sent() == header
    (shown,) = proof.shown().values()
    assert shown.endswith(MASK)
    assert "s3cret" not in shown
    assert "key" not in shown


def test_the_first_member_that_is_set_is_used() -> None:
    """In the order in which the vendor declares them; without any there is nothing to send."""
    auth: dict[str, Auth] = {"key": Basic(), "token": Bearer()}
    assert proof_of(auth, Keys(token=SecretStr("t"))).sent() == {"Authorization": "Bearer t"}
    both = Keys(key=SecretStr("k"), token=SecretStr("t"))
    assert proof_of(auth, both).scheme == "Basic "
    with pytest.raises(LookupError):
        proof_of(auth, Keys())


async def test_a_refusal_never_repeats_the_secret() -> None:
    """A vendor that echoes a key is not repeated to callers: neither plain nor encoded."""
    proof = proof_of({"key": Basic()}, Keys(key=SecretStr("s3cret")))
    told = {
        "message": "unknown key s3cret",
        "s3cret": [proof.value, {"n": 5, "deep": "a s3cret b"}],
        "fine": None,
    }
    exchange = layered(answering(said(told, 401)), [authenticated(proof)])
    reply = await exchange(a_call())
    assert reply.json == {
        "message": f"unknown key {MASK}",
        MASK: [MASK, {"n": 5, "deep": f"a {MASK} b"}],
        "fine": None,
    }
    page = VendorResponse(status=502, text="<p>s3cret</p>")
    reply = await layered(answering(page), [authenticated(proof)])(a_call())
    assert reply.text == f"<p>{MASK}</p>"


async def test_a_success_is_left_as_it_is() -> None:
    """It is the record, and not a word of it is changed."""
    proof = Proof("Authorization", "Bearer ", "e", "e")
    reply = said({"name": "eee"})
    assert await layered(answering(reply), [authenticated(proof)])(a_call()) is reply


async def test_a_call_without_time_is_not_made() -> None:
    """Less than a vendor ever needs is none at all."""
    asked: list[Call] = []

    async def wire(call: Call) -> VendorResponse:
        asked.append(call)
        return said()

    exchange = layered(wire, [deadline(lambda: 100.0)])
    for until in (99.0, 100.0, 100.0 + MIN_SECONDS / 2):
        with pytest.raises(errors.DeadlineExceeded):
            await exchange(a_call(WRITE, until=until))
    assert asked == []


async def hanging(call: Call) -> VendorResponse:
    """A vendor that never answers what was sent."""
    call.sent = True
    await asyncio.Event().wait()
    return said()


async def unreachable(call: Call) -> VendorResponse:
    """A vendor to which no byte gets through."""
    await asyncio.Event().wait()
    return said()


@pytest.mark.parametrize(
    ("request_", "wire", "kind"),
    [
        (READ, hanging, errors.VendorTimeout),
        (WRITE, hanging, errors.IndeterminateTimeout),
        (READ, unreachable, errors.NotSent),
        (WRITE, unreachable, errors.NotSent),
    ],
)
async def test_the_whole_call_ends_at_its_deadline(
    request_: VendorRequest, wire: Answer, kind: type[GatewayError]
) -> None:
    """However the time is spent; what it means hangs on whether anything was sent."""
    soon = loop_time() + 0.01
    with pytest.raises(GatewayError) as caught:
        await layered(wire, [deadline(lambda: -FOREVER)])(
            a_call(request_, until=soon, patience=soon)
        )
    assert type(caught.value) is kind


async def test_a_write_that_was_sent_is_waited_for() -> None:
    """Beyond the caller's deadline, for as long as the gateway has patience."""
    answered = asyncio.Event()

    async def slow(call: Call) -> VendorResponse:
        call.sent = True
        await answered.wait()
        return said({"id": 1})

    soon = loop_time() + 0.01
    call = a_call(WRITE, until=soon, patience=FOREVER)
    asyncio.get_running_loop().call_at(soon + 0.01, answered.set)
    reply = await layered(slow, [deadline(lambda: -FOREVER)])(call)
    assert reply.json == {"id": 1}


@pytest.mark.parametrize(
    ("status", "code", "unauthorized", "sick"),
    [
        (200, None, False, False),
        (404, None, False, False),
        (422, None, False, False),
        (429, None, False, False),
        (403, None, False, False),
        (401, "vendor-credentials-invalid", True, False),
        (500, "vendor-bad-response", False, True),
        (502, "vendor-bad-response", False, True),
        (503, "vendor-unavailable", False, True),
        (504, "vendor-unavailable", False, True),
    ],
)
async def test_health_goes_by_how_calls_end(
    status: int, code: str | None, unauthorized: bool, sick: bool
) -> None:
    """A refusal of a request is a sign of life; one of the key is none of health."""
    health = Health()
    await layered(answering(said(None, status)), [watched(health, lambda: NOON)])(a_call())
    assert (health.last_error_code, health.unauthorized, health.sick) == (code, unauthorized, sick)
    assert health.last_success == (None if code else NOON)
    assert health.last_error == (NOON if code else None)


async def test_a_lost_call_is_no_health() -> None:
    """It is noted by the code that the caller gets, and raised on."""
    health = Health()
    with pytest.raises(errors.NotSent):
        await layered(answering(errors.NotSent("x")), [watched(health, lambda: NOON)])(a_call())
    assert (health.last_error_code, health.sick) == ("vendor-unavailable", True)


async def test_a_caller_without_time_makes_nobody_sick() -> None:
    """Nothing was asked of the vendor."""
    health = Health()
    layer = watched(health, lambda: NOON)
    with pytest.raises(errors.DeadlineExceeded):
        await layered(answering(errors.DeadlineExceeded("x")), [layer])(a_call())
    assert (health.sick, health.last_error) == (False, None)


@pytest.mark.parametrize(("until", "sick"), [(1.0, False), (25.0, True), (30.0, True)])
async def test_a_vendor_is_slow_by_our_patience_not_by_the_callers(
    until: float, sick: bool
) -> None:
    """Who gives a vendor a second has learnt nothing about it."""
    health = Health()
    layer = watched(health, lambda: NOON)
    with pytest.raises(errors.VendorTimeout):
        await layered(answering(errors.VendorTimeout("x")), [layer])(
            a_call(until=until, patience=25.0)
        )
    assert health.sick is sick


async def test_the_latest_call_decides() -> None:
    """The last error stays to be seen when a connection has recovered."""
    health, clock = Health(), iter(NOON + timedelta(minutes=each) for each in range(9))
    layer = watched(health, lambda: next(clock))
    for status in (200, 401, 200, 503, 204):
        await layered(answering(said(None, status)), [layer])(a_call())
    assert (health.unauthorized, health.sick) == (False, False)
    assert health.last_success == NOON + timedelta(minutes=4)
    assert (health.last_error, health.last_error_code) == (
        NOON + timedelta(minutes=3), "vendor-unavailable",
    )  # fmt: skip


@pytest.mark.parametrize(("until", "sick"), [(1.0, False), (25.0, True)])
async def test_a_caller_in_a_hurry_makes_no_connection_sick(until: float, sick: bool) -> None:
    """A timeout tells of the vendor only where it had all the time that we give it."""
    health = Health()
    call = a_call(until=until, patience=25.0)
    with pytest.raises(errors.VendorTimeout):
        await layered(answering(errors.VendorTimeout("x")), [watched(health, lambda: NOON)])(call)
    assert health.sick is sick
