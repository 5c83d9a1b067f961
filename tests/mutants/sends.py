"""Sends: what leaves for the vendor, how often, and what it needs to."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant

PERMIT: Final = "gateway/idempotency/permit.py"
STORE: Final = "gateway/idempotency/store.py"
VERDICTS: Final = "gateway/idempotency/verdicts.py"
SCRIPTS: Final = "gateway/idempotency/scripts"
CALLS: Final = "gateway/shared/calls.py"

TEST_AMNESIA: Final = "tests/idempotency/once/test_amnesia.py"
TEST_ONCE: Final = "tests/idempotency/once/test_once.py"
TEST_LEASE: Final = "tests/idempotency/once/test_lease.py"
TEST_PERMIT: Final = "tests/idempotency/once/test_permit.py"
TEST_RECONCILE: Final = "tests/idempotency/once/test_reconcile.py"
TEST_RUN: Final = "tests/idempotency/once/test_run.py"
TEST_REPEATS: Final = "tests/idempotency/test_repeats.py"
TEST_TROUBLE: Final = "tests/idempotency/test_redis_trouble.py"
TEST_VERDICTS: Final = "tests/idempotency/once/test_verdicts.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    Mutant(
        1,
        "what is not there is sent again while a frozen holder may still send it",
        (Edit(VERDICTS, '        case "unchanged" if quiet:\n', '        case "unchanged":\n'),),
        (
            f"{TEST_VERDICTS}::test_absence_within_the_quiet_period_is_no_proof_at_any_scale",
            f"{TEST_RECONCILE}::test_what_was_not_applied_is_sent_again_once_it_is_proved",
        ),
    ),
    Mutant(
        1,
        "a mark that is not found at the horizon is taken for proof",
        (Edit(VERDICTS, 'case "unchanged" if quiet:', 'case "unchanged" | "absent" if quiet:'),),
        (
            f"{TEST_VERDICTS}::test_a_look_leads_to",
            f"{TEST_ONCE}::test_an_unknown_outcome_is_answered_until_it_is_settled",
        ),
    ),
    Mutant(
        1,
        "a breakdown is sent again under the vendor's key",
        (Edit(VERDICTS, "if broke_down or now_ms", "if now_ms"),),
        (f"{TEST_RECONCILE}::test_a_breakdown_is_not_sent_again_blindly",),
    ),
    Mutant(
        1,
        "the evidence of a breakdown is lost with the store's connection",
        (
            Edit(
                PERMIT,
                "            self.registry.leave(self.registry.persistently(noted))",
                "            return",
            ),
        ),
        (f"{TEST_PERMIT}::test_a_breakdown_is_evidence",),
    ),
    Mutant(
        6,
        "who lost the claim may send",
        (Edit(f"{SCRIPTS}/preamble.lua", "r.own == owner and r.f == fence", "true"),),
        (f"{TEST_PERMIT}::test_who_was_taken_over_does_not_pass[redis]",),
    ),
    Mutant(
        6,
        "a lost lease of the vendor's record is forgotten by the next heartbeat",
        (
            Edit(
                "gateway/idempotency/run.py",
                "self._permit.lost |= not mine",
                "self._permit.lost = not mine",
            ),
        ),
        (f"{TEST_LEASE}::test_without_its_lease_nothing_is_sent",),
    ),
    Mutant(
        6,
        "a lease of the vendor's record that was not renewed in time still counts",
        (
            Edit(
                PERMIT,
                "return not self.lost and _now() < self.leased_until",
                "return not self.lost",
            ),
        ),
        (f"{TEST_LEASE}::test_a_lease_that_nobody_could_renew_counts_as_lost",),
    ),
    Mutant(
        7,
        "a breakdown counts as a refusal",
        (
            Edit(
                PERMIT,
                "return 400 <= status < 500 and status != 408",
                "return status >= 400",
            ),
        ),
        (f"{TEST_RUN}::test_a_breakdown_after_the_send_proves_nothing",),
    ),
    Mutant(
        7,
        "a request that timed out at the vendor counts as a refusal",
        (
            Edit(
                PERMIT, "return 400 <= status < 500 and status != 408", "return 400 <= status < 500"
            ),
        ),
        (f"{TEST_PERMIT}::test_no_call_follows_one_without_a_verdict",),
    ),
    Mutant(
        9,
        "a send goes out that could not be recorded",
        (
            Edit(
                PERMIT,
                "            self.lost = True\n"
                "            self.registry.leave(self._given_up(number))\n"
                "            raise\n",
                "            let = True\n",
            ),
        ),
        (f"{TEST_RUN}::test_without_the_store_nothing_is_sent",),
    ),
    Mutant(
        9,
        "a send goes out that too few replicas of the store know of",
        (
            Edit(
                STORE,
                'return told.word == "ok" and confirmed >= replicas',
                'return told.word == "ok"',
            ),
        ),
        (f"{TEST_PERMIT}::test_a_send_that_too_few_replicas_know_of_is_taken_back",),
    ),
    Mutant(
        9,
        "a create runs although the store has lost what may have been its first",
        (
            Edit(
                "gateway/idempotency/once.py",
                'counted = known + int(begun.verdict == "new" and begun.fence == 1)',
                "counted = known",
            ),
        ),
        (f"{TEST_AMNESIA}::test_a_loss_is_noticed_by_the_next_write_in_the_bucket",),
    ),
    Mutant(
        23,
        "a store that hangs is waited for",
        (
            Edit(CALLS, "TRY_SECONDS: Final = 0.6", "TRY_SECONDS: Final = 600"),
            Edit(CALLS, "CALL_SECONDS: Final = 1.3", "CALL_SECONDS: Final = 1300"),
            Edit(
                "gateway/shared/nodes.py",
                "SOCKET_SECONDS: Final = 0.5",
                "SOCKET_SECONDS: Final = 500",
            ),
        ),
        (f"{TEST_TROUBLE}::test_a_redis_that_hangs_is_unavailable",),
    ),
    Mutant(
        23,
        "a caller waits while a send is taken back",
        (
            Edit(
                PERMIT,
                "            await self._undispatched(number)\n        except",
                "            await self.registry.persistently(lambda: self._undispatched(number))\n"
                "        except",
            ),
        ),
        (f"{TEST_PERMIT}::test_a_taking_back_is_tried_until_the_store_is_back",),
    ),
    Mutant(
        26,
        "one number lets two sends pass",
        (
            Edit(
                PERMIT,
                "            self.lost = True\n"
                "            self.registry.leave(self._given_up(number))\n",
                "            self.registry.leave(self._given_up(number))\n",
            ),
        ),
        (f"{TEST_PERMIT}::test_a_number_that_is_being_taken_back_is_not_sent_under",),
    ),
    Mutant(
        26,
        "a send may be recorded under any number, in Redis",
        (Edit(f"{SCRIPTS}/dispatch.lua", "send == r.at + 1", "send > 0"),),
        ("tests/idempotency/test_sends.py::test_a_number_is_sent_under_once",),
    ),
    Mutant(
        26,
        "the repeat of a send's recording is a conflict, in Redis",
        (
            Edit(
                f"{SCRIPTS}/dispatch.lua",
                "if mine() and r.st == 'dispatched' and r.at == send then",
                "if false then",
            ),
        ),
        (f"{TEST_REPEATS}::test_a_repeat_answers_alike_and_changes_nothing_more",),
    ),
    Mutant(
        26,
        "the repeat of a claim is a conflict, in Redis",
        (
            Edit(
                f"{SCRIPTS}/begin.lua",
                "if r.own == owner then return answer('mine') end\n",
                "",
            ),
        ),
        (f"{TEST_REPEATS}::test_a_repeat_answers_alike_and_changes_nothing_more",),
    ),
    Mutant(
        26,
        "the library repeats commands by itself",
        (Edit("gateway/shared/nodes.py", "Retry(NoBackoff(), 0)", "Retry(NoBackoff(), 10)"),),
        (f"{TEST_TROUBLE}::test_no_call_is_tried_more_than_twice",),
    ),
)
