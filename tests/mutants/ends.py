"""Ends: what is kept of a write, who may say so, and what is told again."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant

RUN: Final = "gateway/idempotency/run.py"
ONCE: Final = "gateway/idempotency/once.py"
ANSWER: Final = "gateway/idempotency/answer.py"
TRANSITIONS: Final = "gateway/idempotency/transitions.py"
SCRIPTS: Final = "gateway/idempotency/scripts"

TEST_ENDS: Final = "tests/idempotency/test_ends.py"
TEST_LEASE: Final = "tests/idempotency/once/test_lease.py"
TEST_LEASES: Final = "tests/idempotency/test_record_leases.py"
TEST_RECONCILE: Final = "tests/idempotency/once/test_reconcile.py"
TEST_ONCE: Final = "tests/idempotency/once/test_once.py"
TEST_RUN: Final = "tests/idempotency/once/test_run.py"
TEST_REPLAYS: Final = "tests/api/test_replays.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    Mutant(
        4,
        "a write whose answer cannot be kept is given up",
        (
            Edit(
                RUN,
                "            self._registry.leave(self._kept_later(answer))\n",
                "            await self._registry.store.refuse(\n"
                "                self._hold.hex32, send=1, end=True,\n"
                "                dispatch_fence=self._hold.fence,\n"
                "            )\n",
            ),
        ),
        (f"{TEST_RUN}::test_an_answer_that_was_never_kept_is_found_out_by_reading",),
    ),
    Mutant(
        4,
        "a record that ever sent is deleted when it is freed, in Redis",
        (
            Edit(
                f"{SCRIPTS}/release.lua",
                "elseif r.st == 'claimed' and r.at == 0 then",
                "elseif r.st == 'claimed' then",
            ),
        ),
        (f"{TEST_ENDS}::test_a_record_that_ever_sent_is_released_as_not_applied",),
    ),
    Mutant(
        6,
        "anybody may free a claim",
        (
            Edit(
                TRANSITIONS,
                '        return "ok"\n    if not turn.mine:\n        return "fenced"\n'
                '    if turn.state == "claimed" and turn.number("un"):',
                '        return "ok"\n    if turn.state == "claimed" and turn.number("un"):',
            ),
        ),
        (f"{TEST_ENDS}::test_nobody_else_releases",),
    ),
    Mutant(
        6,
        "any send's answer completes, in Redis",
        (
            Edit(
                f"{SCRIPTS}/complete.lua",
                "sent_under > 0 and sent_under == r.df",
                "sent_under > 0",
            ),
        ),
        (f"{TEST_ENDS}::test_an_answer_to_a_send_that_was_given_up_is_evidence",),
    ),
    Mutant(
        6,
        "an answer ends whosever lease of the vendor's record, in Redis",
        (
            Edit(
                f"{SCRIPTS}/complete.lua",
                "if beside and redis.call('GET', beside) == owner then",
                "if beside then",
            ),
        ),
        (f"{TEST_LEASES}::test_the_answer_ends_no_lease_of_another[redis]",),
    ),
    Mutant(
        7,
        "a fault of ours after a send frees the key",
        (
            Edit(
                RUN,
                "        return self._unknown(error, cause)\n\n    async def _unsent",
                "        return await self._refused(sent, error, cause)\n\n    async def _unsent",
            ),
        ),
        (
            f"{TEST_RUN}::test_a_fault_of_ours_after_a_send_proves_nothing",
            f"{TEST_RUN}::test_silence_after_the_send_is_told_alike_whether_applied_or_not",
        ),
    ),
    Mutant(
        7,
        "what is missing after a write was taken counts as its refusal",
        (Edit(RUN, "if error.stored and _is_about(sent, error) and", "if error.stored and"),),
        (f"{TEST_RUN}::test_what_is_missing_after_a_write_was_taken_does_not_unmake_it",),
    ),
    Mutant(
        7,
        "a refused re-send unmakes the first send",
        (Edit(f"{SCRIPTS}/refuse.lua", "  if r.un ~= 0 then\n", "  if false then\n"),),
        (f"{TEST_RECONCILE}::test_a_refused_re_send_does_not_unmake_the_first[redis]",),
    ),
    Mutant(
        15,
        "a replay has no version",
        (Edit(ANSWER, '"content-type", "location", "etag",', '"content-type", "location",'),),
        (
            f"{TEST_REPLAYS}::test_a_replay_is_equal",
            f"{TEST_ONCE}::test_a_replay_is_equal_byte_for_byte",
        ),
    ),
    Mutant(
        15,
        "a replay does not say where the opportunity is",
        (Edit(ANSWER, '"content-type", "location", "etag",', '"content-type", "etag",'),),
        (f"{TEST_REPLAYS}::test_a_replay_is_equal",),
    ),
    Mutant(
        15,
        "a replay spells its body anew",
        (
            Edit(
                ANSWER,
                "body=body)",
                'body=body.replace(b",", b", "))',
            ),
        ),
        (f"{TEST_REPLAYS}::test_a_replay_is_equal",),
    ),
    Mutant(
        15,
        "an empty answer cannot be replayed",
        (
            Edit(
                ONCE,
                "        if record.answer is None:\n",
                "        if record.answer is None or record.answer_status == 204:\n",
            ),
            Edit(
                "gateway/api/writes.py",
                '        if write.action == "delete":\n            return _success(write, None)\n',
                "",
            ),
        ),
        (f"{TEST_REPLAYS}::test_an_empty_answer_is_replayed_too",),
    ),
    Mutant(
        16,
        "only answers of one media type are kept",
        (
            Edit(
                RUN,
                "        try:\n            return await self._kept(answer, cause)\n",
                '        if answer.headers.get("Content-Type") != "application/json":\n'
                '            return Told(answer=answer, status="created", cause=cause)\n'
                "        try:\n            return await self._kept(answer, cause)\n",
            ),
        ),
        (f"{TEST_RUN}::test_a_refusal_that_would_be_the_same_again_is_kept",),
    ),
    Mutant(
        18,
        "a second answer overwrites the first",
        (
            Edit(
                TRANSITIONS,
                '        return done if turn.fields.get("resp") == final[0] else "already"\n',
                "        turn.conclude(*final)\n        return done\n",
            ),
        ),
        (
            f"{TEST_ENDS}::test_a_completed_record_keeps_its_answer",
            f"{TEST_RUN}::test_the_first_answer_that_was_kept_is_the_answer[memory]",
        ),
    ),
    Mutant(
        18,
        "a duplicate's refusal is kept as the answer",
        (
            Edit(
                ONCE,
                "                raise _in_flight(hex32, begun)",
                "                busy = self._doing.told(asked.write, _in_flight(hex32, begun))\n"
                "                await self._registry.store.complete(\n"
                "                    hex32, owner=owner, fence=begun.fence,\n"
                "                    dispatch_fence=begun.fence,\n"
                "                    answer=self._registry.sealing.seal(\n"
                '                        hex32, "answer", busy.stored()\n'
                "                    ),\n"
                '                    answer_status=409, outcome="not_applied",\n'
                "                    opportunity_id=None,\n"
                "                    code=busy.code, keep_ms=self._registry.timers.retention_ms,\n"
                "                )\n"
                "                raise _in_flight(hex32, begun)",
            ),
        ),
        (f"{TEST_ONCE}::test_a_duplicate_is_not_kept_waiting",),
    ),
    Mutant(
        22,
        "the answer is given first and kept when there is time",
        (
            Edit(
                RUN,
                "        try:\n            return await self._kept(answer, cause)\n",
                "        self._registry.leave(self._kept(answer, cause))\n"
                '        return Told(answer=answer, status="created", cause=cause)\n'
                "        try:\n            return await self._kept(answer, cause)\n",
            ),
        ),
        (f"{TEST_RUN}::test_an_answer_is_given_once_it_is_kept",),
    ),
    Mutant(
        25,
        "a freed key stays in the index, in Redis",
        (Edit(f"{SCRIPTS}/release.lua", "  redis.call('ZREM', OPEN, ID)\n", ""),),
        ("tests/idempotency/test_keeping.py::test_a_released_key_is_in_no_index",),
    ),
    Mutant(
        25,
        "the lease that is freed is not the one that was taken",
        (
            Edit(
                "gateway/idempotency/lease.py",
                "await registry.store.lease_free(lease.address, owner=owner)",
                "await registry.store.lease_free(owner, owner=owner)",
            ),
        ),
        (f"{TEST_LEASE}::test_the_lease_is_free_again_when_the_write_has_ended",),
    ),
)
