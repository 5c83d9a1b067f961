"""F1 to F3: many requests at once, of which one is done."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.driver import again
from tests.faults.figures import FIGURES
from tests.faults.history import Said
from tests.faults.rig import Rig, rigged

CONNECTIONS = ("acme-close", "acme-coperniq", "acme-reevo", "acme-slant")
DUPLICATES = 8
KEYS_AT_ONCE = 100
"""Each is a write that the simulated vendors, one process, have to answer in time."""
PATIENCE = 60.0
VENDOR_SECONDS = 20


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A rig whose vendors get the time that a crowd takes: nothing is to go wrong with them."""
    changes = {"timeouts": {"vendor_seconds": VENDOR_SECONDS, "request_seconds": VENDOR_SECONDS}}
    folder = tmp_path_factory.mktemp("rig")
    with rigged(folder, replicas=FIGURES.replicas, changes=changes) as rig:
        yield rig


def kinds(answers: list[Said]) -> Counter[str]:
    """How often each kind of answer came."""
    return Counter(
        "replayed" if said.replayed else said.code or str(said.status) for said in answers
    )


async def test_of_a_crowd_with_one_key_one_is_done(rig: Rig) -> None:
    """F1: one commit and one `created`; all others are replays, or told to come again."""
    for number in range(FIGURES.rounds):
        connection = CONNECTIONS[number % len(CONNECTIONS)]
        async with rig.trial("crowd") as trial:
            wish = trial.wish("create", connection)
            answers = await trial.driver.crowd([wish] * FIGURES.crowd)
            seen = kinds(answers)
            assert len(trial.effects_of(wish)) == 1
            assert seen["201"] <= 1, seen
            allowed = {"201", "replayed", "idempotency-in-progress", "overloaded"}
            assert set(seen) <= allowed, seen
            final = await trial.driver.insist(wish, seconds=20)
            assert (final.status, final.replayed) == (201, True)


async def test_of_many_keys_each_is_done_once(rig: Rig) -> None:
    """F2: keys of several callers, each eight times and mixed: one commit each."""
    for start in range(0, FIGURES.keys, KEYS_AT_ONCE):
        async with rig.trial("many-keys") as trial:
            wishes = [
                trial.wish(
                    connection=CONNECTIONS[number % len(CONNECTIONS)],
                    caller=("billing", "sales")[number % 2],
                )
                for number in range(start, min(start + KEYS_AT_ONCE, FIGURES.keys))
            ]
            await trial.driver.crowd(wishes * DUPLICATES)
            for wish in wishes:
                final = await trial.driver.insist(wish, seconds=PATIENCE)
                assert final.status == 201, final
                assert len(trial.effects_of(wish)) == 1


async def test_two_callers_may_have_the_same_key(rig: Rig) -> None:
    """F2: what one of them is answered, the other never sees."""
    async with rig.trial("same-key") as trial:
        for _ in range(FIGURES.repeats):
            own = trial.wish()
            theirs = again(trial.wish(caller="sales"), key=own.key)
            await trial.driver.crowd([own, theirs] * DUPLICATES)
            assert [len(trial.effects_of(wish)) for wish in (own, theirs)] == [1, 1]


async def test_of_two_requests_that_race_for_a_key_one_wins(rig: Rig) -> None:
    """F3: one payload is done; the other is refused as another request, and nothing else."""
    for _ in range(FIGURES.rounds):
        async with rig.trial("race") as trial:
            one = trial.wish()
            two = again(trial.wish(), key=one.key)
            await trial.driver.crowd([one, two] * (FIGURES.crowd // 2))
            for wish in (one, two):  # whose the key is may have been told to come again
                await trial.driver.insist(wish, seconds=PATIENCE)
            assert len(trial.effects_of(one)) + len(trial.effects_of(two)) == 1
            winner, loser = (one, two) if trial.effects_of(one) else (two, one)
            codes = {said.code for said in trial.history.said if said.wish == loser}
            assert codes <= {"idempotency-key-reused", "overloaded"}
            before = rig.record(winner)
            refused = await trial.driver.ask(loser)
            trial.saw_mismatch(winner, before)
            assert (refused.status, refused.code) == (422, "idempotency-key-reused")


async def test_a_replay_is_the_same_to_the_byte_on_every_replica(rig: Rig) -> None:
    """Whoever answers, and also after a restart of all."""
    async with rig.trial("replays") as trial:
        wishes = [trial.wish("create", connection) for connection in CONNECTIONS]
        firsts = [await trial.driver.ask(wish) for wish in wishes]
        for _ in range(2):
            for wish, first in zip(wishes, firsts, strict=True):
                for port in rig.ports:
                    replay = await trial.driver.ask(wish, port=port)
                    assert replay.replayed
                    assert replay.spelled == first.spelled
            for port in rig.ports:
                await rig.restart(port)
