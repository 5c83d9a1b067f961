"""Claims: who may run a write, and for how long."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant

TRANSITIONS: Final = "gateway/idempotency/transitions.py"
SCRIPTS: Final = "gateway/idempotency/scripts"
ONCE: Final = "gateway/idempotency/once.py"

TEST_ONCE: Final = "tests/idempotency/once/test_once.py"
TEST_SWEEP: Final = "tests/idempotency/once/test_sweep.py"
TEST_CLAIMS: Final = "tests/idempotency/test_claims.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    Mutant(
        1,
        "a send whose lease is over is run again",
        (
            Edit(
                TRANSITIONS,
                'if self.state == "claimed" and not self.number("un"):',
                "if self.state:",
            ),
        ),
        (f"{TEST_ONCE}::test_a_send_of_a_dead_holder_is_only_looked_for[memory]",),
    ),
    Mutant(
        1,
        "a send whose lease is over is run again, in Redis",
        (
            Edit(
                f"{SCRIPTS}/preamble.lua",
                "r.st == 'claimed' and r.un == 0 and 'claimed' or 'reconciling'",
                "'claimed'",
            ),
        ),
        (f"{TEST_ONCE}::test_a_send_of_a_dead_holder_is_only_looked_for[redis]",),
    ),
    Mutant(
        2,
        "a key under way is claimed once more",
        (
            Edit(
                TRANSITIONS,
                '    return "in_flight" if turn.number("lu") > turn.now else turn.take_over(lease)',
                "    return turn.take_over(lease)",
            ),
        ),
        (f"{TEST_ONCE}::test_many_duplicates_are_one_write[memory]",),
    ),
    Mutant(
        2,
        "a key under way is claimed once more, in Redis",
        (
            Edit(
                f"{SCRIPTS}/begin.lua",
                "if r.lu > now then return answer('in_flight') end\n",
                "",
            ),
        ),
        (f"{TEST_ONCE}::test_many_duplicates_are_one_write[redis]",),
    ),
    Mutant(
        3,
        "a duplicate that waited long enough ends the claim",
        (
            Edit(
                ONCE,
                "                raise _in_flight(hex32, begun)",
                "                await self._registry.store.release(\n"
                "                    hex32, owner=owner, fence=begun.fence\n"
                "                )\n"
                "                raise _in_flight(hex32, begun)",
            ),
            Edit(
                TRANSITIONS,
                '        return "ok"\n    if not turn.mine:\n        return "fenced"\n'
                '    if turn.state == "claimed" and turn.number("un"):',
                '        return "ok"\n    if turn.state == "claimed" and turn.number("un"):',
            ),
        ),
        (f"{TEST_ONCE}::test_duplicates_leave_a_holder_that_has_sent_nothing_yet_alone[memory]",),
    ),
    Mutant(
        5,
        "a sweeper takes what a live holder has",
        (
            Edit(
                TRANSITIONS,
                '"in_flight" if not own and turn.number("lu") > turn.now else turn.take_over',
                "turn.take_over",
            ),
        ),
        (f"{TEST_CLAIMS}::test_nobody_takes_what_another_holds",),
    ),
    Mutant(
        5,
        "a sweeper takes what is over, in Redis",
        (
            Edit(
                f"{SCRIPTS}/take.lua",
                "if r.st == 'completed' then return answer('replay') end\n",
                "",
            ),
        ),
        (f"{TEST_CLAIMS}::test_a_completed_key_is_replayed",),
    ),
    Mutant(
        5,
        "the sweeper does not ask whose lease it is",
        (
            Edit(
                "gateway/idempotency/memory.py",
                "sorted(held) if until <= now]",
                "sorted(held)]",
            ),
            Edit(
                TRANSITIONS,
                '"in_flight" if not own and turn.number("lu") > turn.now else turn.take_over',
                "turn.take_over",
            ),
        ),
        (f"{TEST_SWEEP}::test_a_live_holder_is_left_alone[memory]",),
    ),
    Mutant(
        8,
        "between the look at a key and its claim another may come",
        (
            Edit(
                "gateway/idempotency/memory.py",
                "        kept = self._alive(hex32) or _Kept()\n",
                "        kept = self._alive(hex32) or _Kept()\n"
                '        await __import__("asyncio").sleep(0)\n',
            ),
        ),
        (f"{TEST_ONCE}::test_many_duplicates_are_one_write[memory]",),
    ),
    Mutant(
        8,
        "of many at once two may claim, in Redis",
        (Edit(f"{SCRIPTS}/begin.lua", "if not r.st then\n", "if r.own ~= owner then\n"),),
        (f"{TEST_CLAIMS}::test_of_many_at_once_one_is_new",),
    ),
    Mutant(
        13,
        "a claim whose holder died is under way for ever",
        (
            Edit(
                TRANSITIONS,
                '    return "in_flight" if turn.number("lu") > turn.now else turn.take_over(lease)',
                '    return "in_flight"',
            ),
        ),
        (f"{TEST_ONCE}::test_a_claim_of_a_dead_holder_is_taken_over[memory]",),
    ),
    Mutant(
        13,
        "a write that cannot be found out is looked for for ever",
        (
            Edit(
                "gateway/idempotency/verdicts.py",
                "            return _waiting(waited, timers) or Park(seen.detail)",
                "            return _waiting(waited, timers) or Wait(60)",
            ),
        ),
        (f"{TEST_SWEEP}::test_every_write_leaves_its_open_states_in_time[memory]",),
    ),
    Mutant(
        13,
        "one record that cannot be taken up ends the sweeping",
        (
            Edit(
                "gateway/idempotency/sweep.py",
                "                self._registry.fault(error)",
                "                raise error from None",
            ),
        ),
        (f"{TEST_SWEEP}::test_a_record_that_cannot_be_taken_up_keeps_no_other_from_it",),
    ),
    Mutant(
        19,
        "a key under way is run all the same",
        (
            Edit(
                ONCE,
                "                raise _in_flight(hex32, begun)",
                "                record = await self._registry.store.get(hex32)\n"
                "                assert record is not None\n"
                "                lost = Hold(hex32=hex32, owner=record.owner, fence=begun.fence,\n"
                "                            record=record)\n"
                "                return await self._claimed(asked, lost, sends)",
            ),
        ),
        (f"{TEST_ONCE}::test_a_duplicate_is_not_kept_waiting",),
    ),
    Mutant(
        21,
        "another request is told apart once the first has ended",
        (
            Edit(
                TRANSITIONS,
                '    if known.get(turn.text("fpv") or "") != turn.text("fp"):\n',
                '    running = turn.number("lu") > turn.now and turn.text("own") != turn.owner\n'
                "    if running:\n"
                '        return "in_flight"\n'
                '    if known.get(turn.text("fpv") or "") != turn.text("fp"):\n',
            ),
        ),
        (f"{TEST_ONCE}::test_another_request_under_a_key_is_told_apart_before_anything_else",),
    ),
    Mutant(
        21,
        "another request is told apart once the first has ended, in Redis",
        (
            Edit(
                f"{SCRIPTS}/begin.lua",
                "if stranger() then return answer(stranger()) end\n",
                "if r.lu > now and r.own ~= owner then return answer('in_flight') end\n"
                "if stranger() then return answer(stranger()) end\n",
            ),
        ),
        (f"{TEST_ONCE}::test_another_request_under_a_key_is_told_apart_before_anything_else",),
    ),
    Mutant(
        24,
        "a claim has no end of its own, in Redis",
        (
            Edit(
                f"{SCRIPTS}/preamble.lua",
                "    redis.call('PEXPIRE', RECORD, r.keep)\n",
                "    if state ~= 'claimed' then redis.call('PEXPIRE', RECORD, r.keep) end\n",
            ),
        ),
        ("tests/idempotency/test_keeping.py::test_no_record_is_without_an_end",),
    ),
    Mutant(
        24,
        "a claim has no end of its own",
        (
            Edit(
                TRANSITIONS,
                "            self.ends = self.now + keep\n",
                "            self.ends = self.now + (2**40 if state == 'claimed' else keep)\n",
            ),
        ),
        ("tests/idempotency/test_keeping.py::test_no_record_is_without_an_end",),
    ),
)
