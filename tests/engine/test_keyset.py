"""The issuer's keys: read when they are needed, seldom enough, and remembered for long enough."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.engine.exchange import Call, Exchange
from gateway.engine.keyset import (
    FRESH_SECONDS,
    MAX_KEYS,
    PAUSE_SECONDS,
    STALE_SECONDS,
    WITHDRAWN_SECONDS,
    Jwk,
    KeySet,
    KeySetUnread,
    fetching,
    keys_of,
)
from gateway.errors import KeysUnavailable, NotSent
from gateway.translator import VendorResponse


class Issuer:
    """Shows what it is told to, and counts how often it is asked; its clock is the test's."""

    def __init__(self, *kids: str) -> None:
        self.shows = list(kids)
        self.failure: Exception | None = None
        self.asked = 0
        self.now = 1000.0
        self.answers = asyncio.Event()
        self.answers.set()
        self.keys = KeySet(self._fetch, lambda: self.now)

    async def _fetch(self) -> Mapping[str, Jwk]:
        self.asked += 1
        await self.answers.wait()
        if self.failure:
            raise self.failure
        return {kid: {"kid": kid} for kid in self.shows}

    async def knows(self, kid: str) -> bool:
        """Whether the key is found."""
        return await self.keys.find(kid) is not None


async def test_a_key_is_read_once_and_remembered() -> None:
    """The issuer is not asked for every token."""
    issuer = Issuer("a", "b")
    assert [await issuer.knows(kid) for kid in "aabba"] == [True] * 5
    assert issuer.asked == 1


async def test_a_new_key_is_found_when_its_first_token_comes() -> None:
    """Rotation needs nobody's hand; the old key goes on."""
    issuer = Issuer("old")
    assert await issuer.knows("old")
    issuer.shows = ["old", "new"]
    issuer.now += PAUSE_SECONDS
    assert await issuer.knows("new")
    assert await issuer.knows("old")
    assert issuer.asked == 2


async def test_an_unknown_key_asks_at_most_once_a_minute() -> None:
    """Whoever sends made-up tokens makes us knock at the issuer's door no more often."""
    issuer = Issuer("a")
    for second in range(3 * int(PAUSE_SECONDS)):
        assert not await issuer.knows(f"made-up-{second}")
        issuer.now += 1
    assert issuer.asked == 3


async def test_many_who_wait_for_one_key_cause_one_reading() -> None:
    """Also at the start, when nothing is known."""
    issuer = Issuer("a")
    issuer.answers.clear()
    waiting = [asyncio.create_task(issuer.knows("a")) for _ in range(50)]
    await asyncio.sleep(0)
    issuer.answers.set()
    assert await asyncio.gather(*waiting) == [True] * 50
    assert issuer.asked == 1


async def test_a_known_key_does_not_wait_while_the_set_is_read_again() -> None:
    """One request pays for freshness, the others are served."""
    issuer = Issuer("a")
    assert await issuer.knows("a")
    issuer.now += FRESH_SECONDS
    issuer.answers.clear()
    paying = asyncio.create_task(issuer.knows("a"))
    await asyncio.sleep(0)
    assert issuer.asked == 2
    async with asyncio.timeout(5):
        assert await issuer.knows("a")
    assert not paying.done()
    issuer.answers.set()
    assert await paying


async def test_a_withdrawn_key_ends_a_while_after_it_was_missed() -> None:
    """The set is read again on its own, so a leaked key does not live for ever."""
    issuer = Issuer("leaked", "good")
    assert await issuer.knows("leaked")
    issuer.shows = ["good"]
    issuer.now += FRESH_SECONDS
    assert await issuer.knows("leaked")
    issuer.now += WITHDRAWN_SECONDS - 1
    assert await issuer.knows("leaked")
    issuer.now += 1
    assert not await issuer.knows("leaked")
    assert await issuer.knows("good")


async def test_a_withdrawn_key_is_not_kept_alive_by_more_readings() -> None:
    """Its time is counted from the first reading that missed it."""
    issuer = Issuer("leaked")
    assert await issuer.knows("leaked")
    issuer.shows = ["good"]
    issuer.now += FRESH_SECONDS
    for _ in range(int(WITHDRAWN_SECONDS // PAUSE_SECONDS)):
        assert await issuer.knows("leaked")
        assert not await issuer.knows("made-up")
        issuer.now += PAUSE_SECONDS
    assert not await issuer.knows("leaked")


@pytest.mark.parametrize("failure", [NotSent("x"), KeySetUnread("x")])
async def test_known_keys_outlive_an_issuer_that_cannot_be_read(failure: Exception) -> None:
    """For a day; then nobody may say any longer that they are good."""
    issuer = Issuer("a")
    assert await issuer.knows("a")
    issuer.failure = failure
    issuer.now += STALE_SECONDS - 1
    assert await issuer.knows("a")
    issuer.now += PAUSE_SECONDS
    with pytest.raises(KeysUnavailable):
        await issuer.knows("a")


async def test_what_nobody_can_tell_is_not_told_as_a_refusal() -> None:
    """A token under an unknown key may be good: come again when the issuer is asked again."""
    issuer = Issuer("a")
    issuer.failure = NotSent("x")
    for second in range(5):
        with pytest.raises(KeysUnavailable) as caught:
            await issuer.knows("a")
        assert caught.value.retry_after == PAUSE_SECONDS - second
        issuer.now += 1
    assert issuer.asked == 1
    issuer.failure = None
    issuer.now += PAUSE_SECONDS
    assert await issuer.knows("a")
    assert not await issuer.knows("b")


async def test_a_reading_that_is_given_up_is_not_held_against_the_issuer() -> None:
    """Who hangs up while the set is read leaves the next one to read it."""
    issuer = Issuer("a")
    issuer.answers.clear()
    hasty = asyncio.create_task(issuer.knows("a"))
    await asyncio.sleep(0)
    hasty.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hasty
    issuer.answers.set()
    assert await issuer.knows("a")


@pytest.mark.parametrize("told", [None, [], "keys", {}, {"keys": None}, {"keys": {"kid": "a"}}])
def test_what_is_no_key_set_is_not_taken_for_an_empty_one(told: Any) -> None:
    """A page of a proxy withdraws no key."""
    with pytest.raises(KeySetUnread):
        keys_of(told)


def test_entries_that_have_no_id_are_left_out() -> None:
    """And of a set without end a beginning is read."""
    assert keys_of({"keys": ["x", {}, {"kid": 1}, {"kid": "a"}]}) == {"a": {"kid": "a"}}
    many = [{"kid": str(number)} for number in range(MAX_KEYS + 1)]
    assert len(keys_of({"keys": many})) == MAX_KEYS


@pytest.mark.parametrize(
    ("url", "base_url", "path", "query"),
    [
        ("https://id.example", "https://id.example", "", ()),
        ("https://id.example:8443/a/keys", "https://id.example:8443", "a/keys", ()),
        ("https://id.example/keys?p=b2c&v=", "https://id.example", "keys",
         (("p", "b2c"), ("v", ""))),
    ],
)  # fmt: skip
async def test_the_address_is_asked_as_it_is_configured(
    url: str, base_url: str, path: str, query: tuple[tuple[str, str], ...]
) -> None:
    """With its query, by a read."""
    calls: list[Call] = []

    def way(to: str) -> Exchange:
        assert to == base_url

        async def exchange(call: Call) -> VendorResponse:
            calls.append(call)
            return VendorResponse(status=200, json={"keys": [{"kid": "a"}]})

        return exchange

    assert await fetching(way, url, 3, lambda: 100.0)() == {"a": {"kid": "a"}}
    (call,) = calls
    assert (call.request.effect, call.request.method) == ("read", "GET")
    assert (call.request.path, call.request.query, call.until) == (path, query, 103.0)


@pytest.mark.parametrize("status", [204, 301, 304, 404, 500])
async def test_another_status_is_no_key_set(status: int) -> None:
    """Whatever its body says; and a redirect leads nowhere."""

    async def exchange(_: Call) -> VendorResponse:
        return VendorResponse(status=status, json={"keys": []})

    with pytest.raises(KeySetUnread):
        await fetching(lambda _: exchange, "https://id.example/keys", 3, lambda: 0.0)()
