"""Callers who go on making, reading, changing and deleting, and note whatever goes wrong."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import httpx

from tests.deploy.balancers.fronts import Front
from tests.deploy.balancers.house import caller

PACE_SECONDS: Final = 0.03
"""Between two requests of one caller: replicas that start up share the machine."""
TURNED_AWAY: Final = {"overloaded", "store-unavailable"}
"""What a replica says of itself when the machine is too busy, also where nothing restarts."""

UNANSWERED: Final = 599

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Wish:
    """A create under a key of its own."""

    key: str
    tag: str

    @property
    def body(self) -> Mapping[str, str]:
        """What is asked."""
        return {"connection": "acme-close", "name": f"Deal {self.tag}"}


def wish() -> Wish:
    """A new one."""
    number = next(_numbers)
    return Wish(f"key-of-{number:06}", f"tag-{number:06}")


@dataclass
class Load:
    """Callers at work."""

    created: list[str] = field(default_factory=list)
    """The tags of what was made."""
    failed: list[str] = field(default_factory=list)
    served: int = 0
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Lets each caller end what it is at."""
        self._over.set()

    async def run(self, front: Front) -> None:
        """One caller, until it is told to stop."""
        async with caller(front) as client:
            while not self._over.is_set():
                await self._live(client)

    async def _live(self, client: httpx.AsyncClient) -> None:
        """The life of one opportunity."""
        made = wish()
        answer = await self._ask(client, "POST", "/v1/opportunities", made.key, made.body)
        if answer.status_code != 201:
            return
        self.created.append(made.tag)
        path = f"/v1/opportunities/{answer.json()['id']}"
        await self._ask(client, "GET", path)
        await self._ask(client, "PATCH", path, f"{made.key}-changed", {"probability": 41})
        await self._ask(client, "GET", path)
        await self._ask(client, "DELETE", path, f"{made.key}-deleted")

    async def _ask(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        key: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        while True:
            await asyncio.sleep(PACE_SECONDS)
            try:
                answer = await client.request(method, path, json=body, headers=headers)
            except httpx.TransportError as error:
                answer = httpx.Response(UNANSWERED, text=repr(error))
            if not is_turned_away(answer):
                break
        self.served += 1
        if not answer.is_success:
            self.failed.append(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer


def is_turned_away(answer: httpx.Response) -> bool:
    """Whether a replica, and not the balancer before it, asks to come again."""
    if answer.status_code != 503:
        return False
    problem = answer.json()
    return problem["code"] in TURNED_AWAY and not problem["detail"].startswith("No replica")
