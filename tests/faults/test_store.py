"""F7 to F11, F21: the store is killed, emptied, cut off, slow, full, read-only, badly set."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from gateway.idempotency.redis import OF_A_LEASE
from gateway.shared import scripts
from tests.faults.cable import Cable
from tests.faults.history import Said, Wish
from tests.faults.rig import Rig, Trial
from tests.faults.waiting import until
from tests.programs import REDIS, Toolbox
from tests.servers import RedisServer

PATIENCE = 60.0
REFUSED_SECONDS = 1.5
"""How long it may take at most to say that the store is away (reliability.md 2.8)."""
NOTICED_SECONDS = 5.0
"""How long it may take at most until lost records are noticed (reliability.md 2.5)."""
SLACK = 2.0
"""What a busy machine adds."""


async def readiness(trial: Trial, port: int) -> tuple[int | None, list[str]]:
    """What a replica says of itself."""
    answer = await trial.driver.get("/readyz", "billing", port)
    return answer.status, answer.json.get("reasons", [])


async def refused_while_away(trial: Trial, target: str) -> Wish:
    """A write is refused and a read is answered; the wish is to come again."""
    wish = trial.wish()
    for port in trial.rig.ports:
        began = time.monotonic()
        said = await trial.driver.ask(wish, port=port)
        took = time.monotonic() - began
        assert (said.status, said.code) == (503, "store-unavailable"), said
        assert said.key_status == "not-applied"
        assert took < REFUSED_SECONDS * SLACK
        status, _ = await readiness(trial, port)
        assert status == 200
        shown = await trial.driver.get(f"/v1/opportunities/acme-close.{target}", "billing", port)
        assert shown.status == 200
    assert not trial.effects_of(wish)
    return wish


async def done_once(trial: Trial, *wishes: Wish) -> list[Said]:
    """Each ends with one effect and its true answer."""
    said = await asyncio.gather(*(trial.driver.insist(each, seconds=PATIENCE) for each in wishes))
    for wish, final in zip(wishes, said, strict=True):
        assert final.meaning == "ok", final
        assert len(trial.effects_of(wish)) == len(wish.steps)
    return list(said)


async def test_a_store_that_was_killed_remembers(start_rig: Callable[..., Rig]) -> None:
    """F7: what was under way is told by the vendor's answer; afterwards all is as recorded."""
    rig = start_rig()
    async with rig.trial("killed-store") as trial:
        target = await trial.made()
        before = trial.wish()
        await done_once(trial, before)
        during = [trial.wish("create", f"acme-{vendor}") for vendor in ("close", "slant")]
        for wish in during:
            vendor = wish.connection.removeprefix("acme-")
            rig.vendors.spoil(vendor, wish.tag, "delay", "after", seconds=2)
        asking = [asyncio.create_task(trial.driver.ask(wish)) for wish in during]
        assert await until(lambda: all(trial.effects_of(wish) for wish in during))
        rig.redis.kill()
        for said in await asyncio.gather(*asking):
            assert (said.status, said.key_status) == (201, "not-stored"), said
        away = await refused_while_away(trial, target)
        rig.redis.start()
        await done_once(trial, before, away, *during)


async def test_an_emptied_store_makes_no_second_effect(start_rig: Callable[..., Rig]) -> None:
    """F8: the loss is noticed; a vendor that dedupes, or can be searched, answers; others wait."""
    rig = start_rig()
    async with rig.trial("emptied", emptied=True) as trial:
        wishes = {
            name: trial.wish("create", name)
            for name in ("acme-close", "acme-coperniq", "acme-reevo", "acme-slant", "blind-close")
        }
        firsts = await done_once(trial, *wishes.values())
        rig.store.flushall()

        async def noticed(port: int) -> bool:
            status, reasons = await readiness(trial, port)
            return status == 200 and bool(reasons)

        ends = time.monotonic() + NOTICED_SECONDS + SLACK
        while not all([await noticed(port) for port in rig.ports]):
            assert time.monotonic() < ends
            await asyncio.sleep(0.1)
        for wish, first in zip(wishes.values(), firsts, strict=True):
            again = await trial.driver.insist(wish, seconds=PATIENCE)
            if wish.connection == "blind-close":
                assert (again.status, again.code) == (409, "history-lost"), again
                assert again.problem["retry"] == "operator"
            else:
                assert (again.status, again.opportunity_id) == (201, first.opportunity_id)
            assert len(trial.effects_of(wish)) == 1


Trouble = Callable[[Rig, Cable], Awaitable[None]]


async def stretched(_rig: Rig, cable: Cable) -> None:
    cable.delay = 3.0


async def hung(rig: Rig, _cable: Cable) -> None:
    rig.redis.pause()


async def unreachable(_rig: Rig, cable: Cable) -> None:
    cable.cut = True


async def refusing(rig: Rig, _cable: Cable) -> None:
    rig.redis.kill()


async def full(rig: Rig, _cable: Cable) -> None:
    rig.store.config_set("maxmemory", "1")


async def read_only(rig: Rig, _cable: Cable) -> None:
    rig.store.execute_command("REPLICAOF", "127.0.0.1", "1")


async def mended(rig: Rig, cable: Cable) -> None:
    """All is as before."""
    cable.mend()
    rig.redis.resume()
    if not rig.redis.answers():
        rig.redis.kill()
        rig.redis.start()
    rig.store.config_set("maxmemory", "0")
    rig.store.execute_command("REPLICAOF", "NO", "ONE")


TROUBLES: Mapping[str, Trouble] = {
    "slow": stretched,
    "hung": hung,
    "black hole": unreachable,
    "refusing": refusing,
    "full": full,
    "read-only": read_only,
}


@asynccontextmanager
async def cabled(start_rig: Callable[..., Rig], **how: object) -> AsyncIterator[tuple[Rig, Cable]]:
    """A rig with a cable between its replicas and their Redis."""
    cable = Cable()
    async with cable.laid():
        rig = start_rig(redis_port=cable.port, **how)
        cable.target = rig.redis.port
        yield rig, cable


async def test_a_store_in_trouble_lets_nothing_out(start_rig: Callable[..., Rig]) -> None:
    """F10, F21: whatever the trouble, a write is refused in time, and runs once when it is over."""
    async with cabled(start_rig, replicas=2) as (rig, cable):
        for name, trouble in TROUBLES.items():
            async with rig.trial(f"store-{name.replace(' ', '-')}") as trial:
                target = await trial.made()
                before = trial.wish()
                await done_once(trial, before)
                await trouble(rig, cable)
                away = await refused_while_away(trial, target)
                await mended(rig, cable)
                await done_once(trial, before, away)


async def test_a_store_that_is_a_little_slow_is_waited_for(start_rig: Callable[..., Rig]) -> None:
    """F10: half a second is either borne or refused, and never doubles a claim."""
    async with cabled(start_rig, replicas=2) as (rig, cable), rig.trial("half-second") as trial:
        await trial.made()
        cable.delay = 0.5
        wishes = [trial.wish() for _ in range(4)]
        await trial.driver.crowd(wishes * 2)
        cable.mend()
        await done_once(trial, *wishes)


async def test_scripts_that_the_store_forgot_are_brought_again(
    start_rig: Callable[..., Rig],
) -> None:
    """F10: a store without scripts costs nobody an answer."""
    rig = start_rig(replicas=2)
    async with rig.trial("scripts") as trial:
        for _ in range(5):
            wish = trial.wish()
            rig.store.script_flush()
            assert (await trial.driver.ask(wish)).status == 201


LOST = ("begin", "dispatch", "complete", "step", "refuse", "release", "heartbeat", "settle")


async def test_a_lost_reply_is_no_conflict(start_rig: Callable[..., Rig]) -> None:
    """F11: each script may have run though its reply never came; the call is just made again."""
    async with cabled(start_rig, replicas=2) as (rig, cable):
        known = scripts.load("gateway.idempotency", alone=OF_A_LEASE)
        for name in LOST:
            async with rig.trial(f"lost-{name}") as trial:
                wish = await coming_by(trial, name)
                cable.lost, cable.lose = 0, known[name].sha.encode()
                final = await trial.driver.insist(wish, seconds=PATIENCE)
                assert cable.lost == 1, name
                if name == "release":
                    assert (final.status, rig.record(wish)) == (412, {})
                else:
                    await done_once(trial, wish)


async def coming_by(trial: Trial, script: str) -> Wish:
    """A wish that has a script run."""
    spoil = trial.rig.vendors.spoil
    if script == "release":
        return trial.wish("update", target=await trial.made(), if_match='"stale"')
    if script == "settle":
        wish = trial.wish("create", "acme-close")
        spoil("close", wish.tag, "reset", "after")
        return wish
    wish = trial.wish("create", "acme-slant", two_steps=True)
    if script == "heartbeat":
        spoil("slant", wish.tag, "delay", "after", seconds=4)
    if script == "refuse":
        spoil("slant", wish.tag, "status", "before", status=429)
    return wish


async def test_a_store_that_would_drop_records_keeps_a_replica_unready(
    start_rig: Callable[..., Rig],
) -> None:
    """F21: where durability is strict, settings that lose records are no way to start."""
    changes = {"redis": {"durability": "strict"}}
    rig = start_rig(replicas=2, redis_settings={"maxmemory_policy": "allkeys-lru"}, changes=changes)
    async with rig.trial("strict") as trial:
        for port in rig.ports:
            status, reasons = await readiness(trial, port)
            assert status == 503
            assert reasons


async def test_a_failover_doubles_nothing(start_rig: Callable[..., Rig]) -> None:
    """F9: while replicas of the store are short nothing is sent; what was, is known to the next."""
    changes = {"redis": {"wait_replicas": 1, "wait_ms": 200}}
    async with cabled(start_rig, replicas=2, changes=changes) as (rig, cable):
        link = Cable(target=rig.redis.port)
        async with link.laid(), followed(rig, link) as second, rig.trial("failover") as trial:
            known = [trial.wish("create", f"acme-{name}") for name in ("close", "slant")]
            firsts = await done_once(trial, *known)
            link.cut = True
            held = trial.wish()
            said = await trial.driver.ask(held)
            assert (said.status, said.meaning) == (503, "fail"), said
            assert not trial.effects_of(held)
            rig.redis.kill()
            second.ask("REPLICAOF", "NO", "ONE")
            rig.store_at(second.port)
            cable.target = second.port
            cable.mend()
            for wish, first in zip(known, firsts, strict=True):
                again = await trial.driver.insist(wish, seconds=PATIENCE)
                assert again.opportunity_id == first.opportunity_id, again
            rig.configure(changes={"redis": {"wait_replicas": 0}})
            for port in rig.ports:
                await rig.restart(port)
            await done_once(trial, held)


@asynccontextmanager
async def followed(rig: Rig, link: Cable) -> AsyncIterator[RedisServer]:
    """A second Redis that follows the rig's through a cable."""
    folder = rig.layout.folder / "second"
    folder.mkdir()
    second = RedisServer(Toolbox(os.environ).needed(REDIS), folder, appendonly="yes")
    second.start()
    try:
        second.ask("REPLICAOF", "127.0.0.1", link.port)
        assert await until(lambda: "online" in str(rig.redis.ask("INFO", "replication")))
        yield second
    finally:
        second.end()
