"""Switches: the connections to which no replica makes a call for a while, known to all of them.

A switch is thrown by whoever notices that a vendor is sick. When its time is over it is not reset
by itself: one replica may then try the vendor out, and resets it, or throws it again.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from gateway.shared import scripts
from gateway.shared.calls import Calls
from gateway.shared.nodes import Nodes

MS: Final = 1000


class Switches(Protocol):
    """One switch for each connection, by its name. Every method raises `StoreUnavailable`."""

    async def look(self) -> Mapping[str, float]:
        """Every switch that is not reset → the seconds until it may be tried out, 0 for now."""

    async def throw(self, name: str, seconds: float) -> None:
        """Throws a switch, thrown already or not; a claim on it is over."""

    async def claim(self, name: str, seconds: float) -> float:
        """0 for whoever may try out the vendor, for so long; else the seconds to ask again in.

        It is not judged whether the switch is thrown at all: who asks has not heard of a reset.
        """

    async def reset(self, name: str) -> None:
        """Lets all calls go again."""

    async def close(self) -> None:
        """Lets go of what it stands on."""


class MemorySwitches(Switches):
    """Switches of one process, by a clock of its own."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._free: dict[str, float] = {}

    async def look(self) -> Mapping[str, float]:
        now = self._clock()
        return {name: max(free - now, 0.0) for name, free in self._free.items()}

    async def throw(self, name: str, seconds: float) -> None:
        self._free[name] = self._clock() + seconds

    async def claim(self, name: str, seconds: float) -> float:
        now = self._clock()
        left = self._free.get(name, now) - now
        if left > 0:
            return left
        self._free[name] = now + seconds
        return 0.0

    async def reset(self, name: str) -> None:
        self._free.pop(name, None)

    async def close(self) -> None:
        """There is nothing to let go of."""


class RedisSwitches(Switches):
    """Switches of all replicas, in one hash, by Redis's clock."""

    def __init__(self, nodes: Nodes, environment: str) -> None:
        self._nodes = nodes
        self._calls = Calls(nodes)
        self._key = f"uog:1:{{switches}}:{environment}"
        self._scripts = scripts.load("gateway.shared", "switches")

    async def look(self) -> Mapping[str, float]:
        found = await self._run("look", "")
        return {
            name.decode(): left / MS for name, left in zip(found[::2], found[1::2], strict=True)
        }

    async def throw(self, name: str, seconds: float) -> None:
        await self._run("throw", name, seconds)

    async def claim(self, name: str, seconds: float) -> float:
        # Not asked again where no reply came: one's own claim would look like another's.
        left: int = await self._run("claim", name, seconds, again=False)
        return left / MS

    async def reset(self, name: str) -> None:
        await self._run("reset", name)

    async def close(self) -> None:
        await self._nodes.close()

    async def _run(self, script: str, name: str, seconds: float = 0, *, again: bool = True) -> Any:
        argv = (name, round(seconds * MS))
        return await self._calls.run(self._scripts[script], [self._key], argv, again=again)
