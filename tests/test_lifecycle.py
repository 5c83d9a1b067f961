"""The life cycle of a replica: what it says of its end, and how long that may take."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from gateway.app.lifecycle import AFTERWARDS_SECONDS, Lifecycle
from tests.faults.waiting import until

REQUEST = 30.0


@pytest.fixture
def told() -> Iterator[list[int]]:
    """The signals that the server around the application hears."""
    heard: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda number, _: heard.append(number))
    yield heard
    for number, handler in before.items():
        signal.signal(number, handler)


def test_writes_have_as_long_as_their_requests_and_a_little_more() -> None:
    """From the moment when no more are taken; what is left then is for another replica."""
    now = 100.0
    life = Lifecycle(drain_seconds=5, request_seconds=REQUEST, clock=lambda: now)
    life.drain()
    now = 105.0
    life.end()
    assert life.seconds_left == REQUEST + AFTERWARDS_SECONDS
    now += 30
    assert life.seconds_left == AFTERWARDS_SECONDS
    now += 30
    assert life.seconds_left == 0


async def test_the_server_hears_of_a_signal_after_the_drain(told: list[int]) -> None:
    """Until then the replica drains."""
    life = Lifecycle(drain_seconds=0.2, request_seconds=REQUEST)
    with life.heeding():
        assert not life.draining
        os.kill(os.getpid(), signal.SIGTERM)
        assert await until(lambda: life.draining)
        assert told == []
        assert await until(lambda: told == [signal.SIGTERM])


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_drain(told: list[int], second: signal.Signals) -> None:
    """Once: the end of the drain is not told a second time."""
    life = Lifecycle(drain_seconds=0.3, request_seconds=REQUEST)
    with life.heeding():
        os.kill(os.getpid(), signal.SIGTERM)
        assert await until(lambda: life.draining)
        os.kill(os.getpid(), second)
        assert await until(lambda: told == [second])
        await asyncio.sleep(0.6)
        assert told == [second]


async def test_the_servers_handlers_are_back_afterwards(told: list[int]) -> None:
    """What comes later is no business of the life cycle's."""
    life = Lifecycle(drain_seconds=0, request_seconds=REQUEST)
    before = signal.getsignal(signal.SIGTERM)
    with life.heeding():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


async def test_without_a_server_signals_do_what_they_did() -> None:
    """An application that a test runs is not what ends a process."""
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    with Lifecycle(drain_seconds=0, request_seconds=REQUEST).heeding():
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
