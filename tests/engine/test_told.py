"""Every attempt at a vendor call is told, to its request and whoever listens, however it ends."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.engine.exchange import Call
from gateway.engine.told import CANCELLED, told
from gateway.errors import VendorTimeout
from gateway.shared import trail
from gateway.shared.trail import Trail, VendorCalled
from gateway.translator import VendorResponse, read

REPLY = VendorResponse(status=200, json={})


def a_call() -> Call:
    """A read that has all the time there is."""
    return Call(request=read("get", "things/1"), until=1e12, patience=1e12)


async def answered(call: Call) -> VendorResponse:
    """A vendor that answers."""
    call.sent, call.bytes_in = True, 2
    return REPLY


async def silent(call: Call) -> VendorResponse:
    """One that does not."""
    call.sent = True
    raise VendorTimeout("The vendor did not answer in time.")


async def faulty(_: Call) -> VendorResponse:
    """A fault of ours on the way."""
    raise RuntimeError


async def given_up(_: Call) -> VendorResponse:
    """A call that is cancelled."""
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("wire", "status", "code", "sent"),
    [
        (answered, 200, None, True),
        (silent, None, "vendor-timeout", True),
        (faulty, None, "internal-error", False),
        (given_up, None, CANCELLED, False),
    ],
)
async def test_an_attempt_is_told_with_its_end(
    wire: Callable[[Call], Awaitable[VendorResponse]],
    status: int | None,
    code: str | None,
    sent: bool,
) -> None:
    """By its status, or by the code that stands for why there is none."""
    heard: list[VendorCalled] = []
    call = a_call()
    with Trail() as followed:
        (ended,) = await asyncio.gather(
            told("acme", "acme-one", heard.append)(wire)(call), return_exceptions=True
        )
    (one,) = heard
    assert followed.vendor_calls == heard
    assert (one.vendor, one.connection) == ("acme", "acme-one")
    asked = call.request
    assert (one.effect, one.step, one.method) == (asked.effect, asked.step, asked.method)
    assert (one.status, one.code, one.sent) == (status, code, sent)
    assert (ended is REPLY) is (status == 200)


async def test_work_of_the_gateways_own_is_told_too() -> None:
    """It belongs to no request, and counts all the same."""
    heard: list[VendorCalled] = []
    await told("acme", "acme-one", heard.append)(answered)(a_call())
    assert [each.bytes_in for each in heard] == [2]
    assert trail.followed() is None
