"""The composition root: how what runs beside the requests is ended."""

import asyncio

from gateway import app


async def test_work_that_misses_its_end_is_told_again() -> None:
    """A task that fails in the very moment of being cancelled goes on, and must not hold us up."""

    async def deaf() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await app._stopped([task], every=0.01)
    assert task.cancelled()
