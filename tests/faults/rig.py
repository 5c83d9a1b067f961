"""The rig (reliability.md 4.1): Redis, vendors, replicas and a balancer, each a process of its own.

A trial is one try-out on it: a history from the first request until all is settled, and then the
judgement of the checker. A history that breaks an invariant is kept as a file.
"""

import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import redis

from gateway.canonical import json_text
from gateway.idempotency.addresses import address, record_key
from tests.faults.checker import breaches
from tests.faults.clocks import skewed, step
from tests.faults.driver import Driver
from tests.faults.fates import Fates
from tests.faults.history import Action, Effect, History, Kept, Mismatch, Terms, Wish
from tests.faults.layout import Layout
from tests.faults.processes import Fleet, Vendors, listening
from tests.faults.settlement import CALLERS, ENVIRONMENT, SECRETS, settlement
from tests.faults.waiting import until
from tests.programs import NGINX, REDIS, Toolbox
from tests.servers import Balancer, RedisServer
from tests.stores import Company

HISTORIES = Path(__file__).parent / "histories"
SETTLED_SECONDS = 60.0
"""Lease, horizon, two sweeps, and a busy machine."""
LOOK_SECONDS = 0.25
LOOKING: Mapping[str, Any] = {
    "socket_timeout": 5, "decode_responses": True, "encoding": "latin-1",
}  # fmt: skip

_numbers = count(1)


@dataclass
class Rig:
    """All of it, running."""

    layout: Layout
    redis: RedisServer
    vendors: Vendors
    fleets: Sequence[Fleet]
    balancer: Balancer
    redis_url: str
    fates: Fates = field(init=False)

    def __post_init__(self) -> None:
        self.fates = Fates(self.layout.fates)
        self.store_at(self.redis.port)

    def close(self) -> None:
        """Lets go of its own connections."""
        self.store.close()

    def store_at(self, port: int) -> None:
        """Looks into the store at a port from now on."""
        self.store: Any = redis.Redis(port=port, **LOOKING)

    @property
    def ports(self) -> Sequence[int]:
        """Where the replicas listen."""
        return [port for fleet in self.fleets for port in fleet.ports]

    def configure(self, **changes: Any) -> None:
        """Writes the configuration, which the replicas read when they start."""
        text = settlement(self.redis_url, self.vendors.url, **changes)
        self.layout.configuration.write_text(text, encoding="utf-8")

    def pid(self, port: int) -> int:
        """The number of the process that serves a port."""
        return int(self.layout.pid(port).read_text())

    def signal(self, port: int, number: signal.Signals) -> None:
        """Sends a signal to a replica."""
        os.kill(self.pid(port), number)

    async def restart(self, port: int) -> None:
        """Ends a replica as a deployment does, and waits for its successor."""
        before = self.pid(port)
        self.signal(port, signal.SIGTERM)
        await self.reborn(port, before)

    async def reborn(self, port: int, before: int) -> None:
        """Waits until a process has died and another serves its port."""
        assert await until(lambda: self.pid(port) != before and listening(port))

    async def complete(self) -> None:
        """Waits until every replica serves."""
        assert await until(lambda: all(map(listening, self.ports)))

    def effects(self, offset: int = 0) -> list[Effect]:
        """The ledger's lines from an offset in bytes on."""
        with self.layout.ledger.open("rb") as file:
            file.seek(offset)
            lines = file.read().splitlines()
        told = (json_text.read(line) for line in lines)
        return [_effect(line) for line in told if line["effect"]]

    def open_records(self) -> list[str]:
        """What the indexes of open records hold."""
        names = list(self.store.scan_iter("uog:1:{b*}:open", count=1000))
        return [hex32 for name in names for hex32 in self.store.zrange(name, 0, -1)]

    def address(self, wish: Wish) -> str:
        """The address of a wish's record."""
        return address(ENVIRONMENT, wish.caller, wish.key.encode())

    def record(self, wish: Wish) -> Mapping[str, str]:
        """The fields of a wish's record, none where there is none."""
        fields: Mapping[str, str] = self.store.hgetall(record_key(self.address(wish)))
        return fields

    def kept(self, wish: Wish) -> Kept | None:
        """A wish's record as the checker wants it."""
        fields = self.record(wish)
        if not fields:
            return None
        hex32 = self.address(wish)
        return Kept(
            hex32=hex32,
            state=fields["st"],
            outcome=fields.get("outcome") or None,
            opportunity_id=fields.get("oid") or None,
            ttl_ms=self.store.pttl(record_key(hex32)),
        )

    @asynccontextmanager
    async def trial(
        self, name: str, *, doubled: Collection[str] = (), emptied: bool = False
    ) -> AsyncIterator["Trial"]:
        """A trial; when its body is through, it is settled and judged.

        The vendor is to have the effect of `doubled` tags twice; `emptied` if the store is to be.
        """
        await self.complete()
        trial = Trial(self, name, Terms(secrets=SECRETS, doubled=doubled, emptied=emptied))
        yield trial
        await trial.over()


@dataclass
class Trial:
    """One try-out and its history."""

    rig: Rig
    name: str
    terms: Terms
    driver: Driver = field(init=False)
    history: History = field(init=False)
    noted: dict[str, int] = field(default_factory=dict)
    """What else is worth telling: how often each thing was seen."""

    def __post_init__(self) -> None:
        self.history = History(terms=self.terms)
        self.driver = Driver(self.rig.balancer.port, CALLERS, self.history)
        self._ledger = self.rig.layout.ledger.stat().st_size
        self._logs = {port: _size(self.rig.layout.log(port)) for port in self.rig.ports}

    def wish(
        self,
        action: Action = "create",
        connection: str = "acme-close",
        *,
        caller: str = "billing",
        two_steps: bool = False,
        **more: Any,
    ) -> Wish:
        """A new wish under a new key."""
        number = next(_numbers)
        return Wish(
            caller=caller,
            key=f"key-of-{number:06}-{self.name}",
            tag=f"tag-{number:06}",
            action=action,
            connection=connection,
            steps=(action, "update") if two_steps else (action,),
            **more,
        )

    async def made(self, connection: str = "acme-close") -> str:
        """The vendor's id of an opportunity made for the trial."""
        said = await self.driver.insist(self.wish("create", connection), seconds=20)
        assert said.status == 201, said
        return str(said.json["vendor_id"])

    async def dies(self, wish: Wish, point: str, name: str, port: int) -> None:
        """Has a write come to a replica that dies of it at a point, and waits for the next one."""
        fates = self.rig.fates
        fates.arm(point, name)
        before = self.rig.pid(port)
        while not fates.struck(point, name):
            said = await self.driver.ask(wish, port=port)
            assert not said.is_final, f"nobody died at {point}: {said}"
        await self.rig.reborn(port, before)

    @property
    def effects(self) -> list[Effect]:
        """The effects since the trial began."""
        return self.rig.effects(self._ledger)

    def effects_of(self, wish: Wish) -> list[Effect]:
        """The effects of one wish."""
        return [
            effect
            for effect in self.effects
            if effect.tag == wish.tag or (not effect.tag and effect.record_id == wish.target)
        ]

    def saw_mismatch(self, wish: Wish, before: Mapping[str, str]) -> None:
        """Notes how a record stands after another request came under its key."""
        hex32 = self.rig.address(wish)
        self.history.mismatches.append(
            Mismatch(hex32=hex32, before=before, after=self.rig.record(wish))
        )

    async def settled(self, seconds: float = SETTLED_SECONDS) -> None:
        """Waits until no record is under way any more, or long enough."""
        await until(lambda: not self.rig.open_records(), seconds=seconds, pause=LOOK_SECONDS)

    async def over(self) -> None:
        """Settles and judges it."""
        await self.rig.complete()
        await self.settled()
        self.collect()
        found = breaches(self.history)
        if found:
            file = HISTORIES / f"{found[0].invariant}-{self.name}-{int(time.time())}.jsonl"
            self.history.write(file)
            told = "\n".join(f"{breach.invariant}: {breach.detail}" for breach in found[:20])
            raise AssertionError(f"{len(found)} breaches, kept in {file.name}:\n{told}")

    def collect(self) -> None:
        """Completes the history by what outlives the requests."""
        wishes = {said.wish for said in self.history.said}
        for wish in wishes:
            if kept := self.rig.kept(wish):
                self.history.kept[f"{wish.caller} {wish.key}"] = kept
        self.history.effects = self.effects
        self.history.still_open = self.rig.open_records()
        self.history.logs = [line for port in self.rig.ports for line in self._log(port)]

    def _log(self, port: int) -> list[str]:
        file = self.rig.layout.log(port)
        if not file.exists():
            return []
        with file.open("rb") as source:
            source.seek(self._logs[port])
            return source.read().decode("utf-8", "replace").splitlines()


@contextmanager
def rigged(
    folder: Path,
    *,
    replicas: int = 4,
    redis_port: int | None = None,
    redis_settings: Mapping[str, str] | None = None,
    company: Company | None = None,
    clock: int | None = None,
    skews: Sequence[int] = (),
    **changes: Any,
) -> Iterator[Rig]:
    """Brings a rig up, and ends every process of it.

    `redis_port` puts something before Redis, `company` is what already runs in its place, `clock`
    is how far its clock is ahead at first, which then can be stepped; for each of `skews` there is
    a replica more, whose clock is that far ahead.
    """
    toolbox = Toolbox(os.environ)
    nginx, server = toolbox.needed(NGINX), toolbox.needed(REDIS)
    layout = Layout(folder)
    for name in ("fates", "redis", "replicas", "nginx"):
        (folder / name).mkdir()
    settings = {"appendonly": "yes", **(redis_settings or {})}
    with ExitStack() as running:
        if clock is not None:
            step(layout.clock, clock)
        own = RedisServer(server, folder / "redis", **settings)
        store = company.servers[0] if company else own
        vendors = Vendors(layout)
        wrong = [Fleet(layout, 1, skewed(os.environ, seconds)) for seconds in skews]
        fleets = [Fleet(layout, replicas), *wrong]
        ports = [port for fleet in fleets for port in fleet.ports]
        balancer = Balancer(nginx, folder / "nginx", ports)
        url = company.url if company else f"redis://127.0.0.1:{redis_port or store.port}/0"
        rig = Rig(layout, store, vendors, fleets, balancer, url)
        if company:
            rig.store = company.client(**LOOKING)
        running.callback(rig.close)
        rig.configure(**changes)
        for process in (*(() if company else (own,)), vendors, *fleets, balancer):
            running.callback(process.end)
            process.start()
        yield rig
    shutil.rmtree(folder, ignore_errors=True)


def _effect(line: Mapping[str, Any]) -> Effect:
    return Effect(
        seq=line["seq"],
        effect=line["effect"],
        record_id=str(line["record_id"]),
        tag=line["tag"],
        marker=line["marker"],
        derived_key=line["derived_key"],
    )


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
