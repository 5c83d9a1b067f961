"""Callers who keep the replicas busy while something happens to them."""

import asyncio
from typing import Self

from tests.faults.history import Wish
from tests.faults.rig import Trial

PATIENCE = 90.0
CONNECTIONS = ("acme-close", "acme-coperniq", "acme-reevo", "acme-slant")
PAUSE_SECONDS = 0.02


class Load:
    """Callers who go on writing, each write until it is answered for good.

    Where it `may_park`, that may be by a word that only an operator could tell more.
    """

    def __init__(self, trial: Trial, *, may_park: bool = False) -> None:
        self._trial = trial
        self._may_park = may_park
        self._over = asyncio.Event()
        self.done: list[Wish] = []

    async def __aenter__(self) -> Self:
        self._callers = [asyncio.create_task(self._call(name)) for name in CONNECTIONS * 2]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        await asyncio.gather(*self._callers)

    async def _call(self, connection: str) -> None:
        while not self._over.is_set():
            wish = self._trial.wish("create", connection)
            final = await self._trial.driver.insist(wish, seconds=PATIENCE)
            if not (self._may_park and final.is_parked):
                assert final.status == 201, final
                self.done.append(wish)
            await asyncio.sleep(PAUSE_SECONDS)


async def replayed(trial: Trial, wish: Wish) -> None:
    """A finished write is told again."""
    said = await trial.driver.insist(wish, seconds=PATIENCE)
    assert (said.status, said.replayed) == (201, True), said
