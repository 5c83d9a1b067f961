"""Grants: what a vendor lent a connection for a while, known to all replicas and renewed by one.

What renews a grant is good for one time. So a replica has a claim before it spends it, and what it
got is kept only on top of the grant that it was renewed from. All that is kept comes here sealed.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from gateway.shared import scripts
from gateway.shared.calls import Calls
from gateway.shared.nodes import Nodes
from gateway.shared.resp import Word

MS: Final = 1000
LOOK_MS: Final = 1
"""What a claim is told on a grant that was renewed meanwhile: to look at once."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A grant as it is kept."""

    number: int = 0
    """How often it was renewed; 0 where nothing is kept."""
    sealed: bytes = field(default=b"", repr=False)
    left_ms: int = 0
    age_ms: int = 0


class Grants(Protocol):
    """Grants by their names, see `grant_name`. Every method raises `StoreUnavailable`."""

    async def look(self, name: str) -> Kept:
        """What is kept."""

    async def claim(self, name: str, number: int, owner: str, lease_ms: int) -> int:
        """0 for whoever may renew the grant of that number, for so long; else when to look again.

        The owner may claim again, which prolongs its claim. The time is in milliseconds.
        """

    async def put(self, name: str, number: int, sealed: bytes, life_ms: int) -> bool:
        """Keeps what was renewed from that number; False where another was kept meanwhile."""

    async def free(self, name: str, owner: str) -> None:
        """Ends a claim of which nothing came."""

    async def close(self) -> None:
        """Lets go of what it stands on."""


def grant_name(*parts: str) -> str:
    """32 hex digits from which nothing can be read of whose grant it is."""
    spelled = json.dumps(["uog grant", *parts]).encode()
    return hashlib.sha256(spelled).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class _Held:
    """A grant in memory; its times are on the clock of the process, in seconds."""

    kept: Kept = field(default_factory=Kept)
    made: float = 0.0
    ends: float = 0.0
    owner: str = ""
    until: float = 0.0


class MemoryGrants(Grants):
    """Grants of one process, which end with it: for trials, by a clock of its own."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[str, _Held] = {}

    async def look(self, name: str) -> Kept:
        held, now = self._of(name), self._clock()
        left, age = max(held.ends - now, 0.0), max(now - held.made, 0.0)
        return replace(held.kept, left_ms=round(left * MS), age_ms=round(age * MS))

    async def claim(self, name: str, number: int, owner: str, lease_ms: int) -> int:
        held, now = self._of(name), self._clock()
        if held.kept.number != number:
            return LOOK_MS
        if held.until > now and held.owner != owner:
            return max(round((held.until - now) * MS), LOOK_MS)
        self._held[name] = replace(held, owner=owner, until=now + lease_ms / MS)
        return 0

    async def put(self, name: str, number: int, sealed: bytes, life_ms: int) -> bool:
        kept, now = self._of(name).kept, self._clock()
        if kept.number != number:
            return (kept.number, kept.sealed) == (number + 1, sealed)
        self._held[name] = _Held(Kept(number + 1, sealed), now, now + life_ms / MS)
        return True

    async def free(self, name: str, owner: str) -> None:
        held = self._of(name)
        if held.owner == owner:
            self._held[name] = replace(held, owner="", until=0.0)

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _of(self, name: str) -> _Held:
        return self._held.get(name, _Held())


class RedisGrants(Grants):
    """Grants of all replicas, one hash for each, by Redis's clock.

    What is put waits for as many replicas of Redis as `replicas` says: it cannot be had again.
    """

    def __init__(self, nodes: Nodes, *, replicas: int = 0, wait_ms: int = 0) -> None:
        self._nodes = nodes
        self._calls = Calls(nodes)
        self._replicas = replicas
        self._wait_ms = wait_ms
        self._scripts = scripts.load("gateway.shared", "grants")

    async def look(self, name: str) -> Kept:
        return Kept(*await self._run("look", name))

    async def claim(self, name: str, number: int, owner: str, lease_ms: int) -> int:
        wait: int = await self._run("claim", name, number, owner, lease_ms)
        return wait

    async def put(self, name: str, number: int, sealed: bytes, life_ms: int) -> bool:
        argv = (number, sealed, life_ms)
        if not self._replicas:
            return bool(await self._run("put", name, *argv))
        kept, _ = await self._calls.run_confirmed(
            self._scripts["put"], [_key(name)], argv, replicas=self._replicas, wait_ms=self._wait_ms
        )
        return bool(kept)

    async def free(self, name: str, owner: str) -> None:
        await self._run("free", name, owner)

    async def close(self) -> None:
        await self._nodes.close()

    async def _run(self, script: str, name: str, *argv: Word) -> Any:
        return await self._calls.run(self._scripts[script], [_key(name)], argv)


def _key(name: str) -> str:
    return f"uog:1:{{g{name}}}"
