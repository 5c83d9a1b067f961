"""Requests: whose they are, what they are known by, and who may hear of them."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant

ADDRESSES: Final = "gateway/idempotency/addresses.py"
FINGERPRINT: Final = "gateway/idempotency/fingerprint.py"
TRANSITIONS: Final = "gateway/idempotency/transitions.py"
KEYS: Final = "gateway/idempotency/keys.py"
BODIES: Final = "gateway/api/bodies.py"
DESK: Final = "gateway/api/desk.py"
ONCE: Final = "gateway/idempotency/once.py"

TEST_BODIES: Final = "tests/api/test_bodies.py"
TEST_FINGERPRINT: Final = "tests/idempotency/test_fingerprint.py"
TEST_ONCE: Final = "tests/idempotency/once/test_once.py"
TEST_REPLAYS: Final = "tests/api/test_replays.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    Mutant(
        10,
        "all callers share their keys",
        (
            Edit(
                ADDRESSES,
                '_digest(b"uog1", environment.encode(), caller.encode(), key)',
                '_digest(b"uog1", environment.encode(), key)',
            ),
        ),
        (f"{TEST_ONCE}::test_two_callers_never_meet_under_one_key",),
    ),
    Mutant(
        10,
        "an answer can be moved to another record",
        (
            Edit(
                "gateway/idempotency/sealing.py",
                'return b"\\x00".join((head, hex32.encode(), member.encode()))',
                'return b"\\x00".join((head, member.encode()))',
            ),
            Edit(
                "gateway/idempotency/sealing.py",
                'b"uog seal\\x00" + hex32.encode()',
                'b"uog seal\\x00"',
            ),
        ),
        ("tests/idempotency/test_sealing.py::test_a_seal_opens_only_where_it_was_made_for",),
    ),
    Mutant(
        11,
        "who brings a key needs no rights",
        (
            Edit(
                DESK,
                "        caller.require(*scopes)\n",
                '        if "idempotency-key" not in request.headers:\n'
                "            caller.require(*scopes)\n",
            ),
        ),
        (f"{TEST_REPLAYS}::test_who_may_no_longer_write_gets_no_replay",),
    ),
    Mutant(
        11,
        "who brings a key needs no connection",
        (
            Edit(
                DESK,
                "        at = connection_of(self.caller, self.house.connections, name)\n",
                "        at = self.house.connections[name]\n",
            ),
        ),
        (f"{TEST_REPLAYS}::test_who_may_no_longer_see_a_connection_gets_no_replay",),
    ),
    Mutant(
        12,
        "a key fits every request",
        (
            Edit(
                TRANSITIONS,
                'if known.get(turn.text("fpv") or "") != turn.text("fp"):',
                "if not known:",
            ),
        ),
        (f"{TEST_ONCE}::test_two_requests_under_one_key_that_race_are_not_both_done[memory]",),
    ),
    Mutant(
        12,
        "a key fits every request, in Redis",
        (
            Edit(
                "gateway/idempotency/scripts/begin.lua",
                "if stranger() then return answer(stranger()) end\n",
                "",
            ),
        ),
        (f"{TEST_ONCE}::test_two_requests_under_one_key_that_race_are_not_both_done[redis]",),
    ),
    Mutant(
        12,
        "a key fits the same request to every connection",
        (Edit(FINGERPRINT, "        asked.connection,\n", ""),),
        (f"{TEST_FINGERPRINT}::test_every_other_request_has_another",),
    ),
    Mutant(
        12,
        "a key fits a request whatever its path names",
        (Edit(FINGERPRINT, "        asked.path,\n", ""),),
        (f"{TEST_FINGERPRINT}::test_every_other_request_has_another",),
    ),
    Mutant(
        14,
        "who hangs up ends the write",
        (
            Edit(
                ONCE,
                "        if await over(task, left):\n",
                "        try:\n"
                "            done = await over(task, left)\n"
                "        except asyncio.CancelledError:\n"
                "            task.cancel()\n"
                "            raise\n"
                "        if done:\n",
            ),
        ),
        (f"{TEST_ONCE}::test_a_caller_who_hangs_up_changes_nothing",),
    ),
    Mutant(
        14,
        "a deadline that passes ends the write",
        (
            Edit(
                ONCE,
                "            return self._still_running(asked)\n",
                "            task.cancel()\n            return self._still_running(asked)\n",
            ),
        ),
        (f"{TEST_ONCE}::test_a_write_that_was_sent_goes_on_behind_its_callers_deadline",),
    ),
    Mutant(
        16,
        "a media type with a charset is another one",
        (Edit(BODIES, '.partition(";")[0].strip().lower()', ".strip().lower()"),),
        (f"{TEST_REPLAYS}::test_the_spelling_of_a_media_type_makes_no_second_write",),
    ),
    Mutant(
        17,
        "a body that does not say how large it is has no limit",
        (
            Edit(
                BODIES,
                "        if len(data) > MAX_BODY:\n",
                "        if declared and len(data) > MAX_BODY:\n",
            ),
        ),
        (f"{TEST_BODIES}::test_a_body_that_grows_too_large_is_refused_on_the_way",),
    ),
    Mutant(
        17,
        "a body that says how large it is has no limit",
        (
            Edit(
                BODIES,
                "if _LENGTH.fullmatch(declared) and int(declared) > MAX_BODY:",
                "if False:",
            ),
            Edit(
                BODIES,
                "        if len(data) > MAX_BODY:\n",
                "        if not declared and len(data) > MAX_BODY:\n",
            ),
        ),
        (f"{TEST_BODIES}::test_a_body_that_declares_too_many_bytes_is_refused_unread",),
    ),
    Mutant(
        20,
        "the order of members makes another request",
        (
            Edit(
                FINGERPRINT,
                "json_text.write(sent, sort_keys=True)",
                "json_text.write(sent)",
            ),
        ),
        (f"{TEST_FINGERPRINT}::test_the_order_of_members_is_not_in_it",),
    ),
    Mutant(
        20,
        "the order of entity tags makes another request",
        (Edit(FINGERPRINT, "sorted(set(asked.if_match))", "list(asked.if_match)"),),
        (f"{TEST_FINGERPRINT}::test_what_does_not_change_the_effect_is_not_in_it",),
    ),
    Mutant(
        20,
        "a number in another spelling makes another request",
        (
            Edit(
                FINGERPRINT,
                "_SPARE.sub(rb",
                "body or (rb",
            ),
        ),
        (f"{TEST_FINGERPRINT}::test_the_spelling_of_a_body_is_not_in_it",),
    ),
    Mutant(
        25,
        "logs show the keys of callers",
        (Edit(KEYS, "    value: bytes = field(repr=False)\n", "    value: bytes\n"),),
        ("tests/idempotency/test_keys.py::test_no_repr_shows_a_key",),
    ),
)
