"""The dry run: reads are made, writes are noted, and what is not known yet says so."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway import errors
from gateway.canonical import json_text
from gateway.engine.conduct import Later, NotYetKnown, Rehearsal, rehearse
from gateway.errors import GatewayError
from gateway.translator import Dialogue, VendorResponse, read, segment, write
from tests.engine.speaker import SPEAKER, Replies, said

READ = read("get", "things/1", of_record=True)
FIRST = write("create", "POST", "things", {"a": 1})


async def rehearsed(dialogue: Dialogue[Any], *replies: VendorResponse | GatewayError) -> Rehearsal:
    """A dry run over these replies to its reads."""
    vendor = Replies(*replies)
    rehearsal = await rehearse(dialogue, SPEAKER, vendor)
    assert all(request.effect == "read" for request in vendor.asked)
    return rehearsal


def two_writes() -> Dialogue[Any]:
    """A create in two calls, the second one at an id that the first gives."""
    reply = yield FIRST
    created = reply.json["id"]
    body = {"of": created, "deep": reply.json["data"]["owner"]["id"]}
    reply = yield write("rest", "PATCH", f"things/{segment(created)}", body)
    return reply.json.get("name")


async def test_what_is_not_known_yet_is_named_by_its_origin() -> None:
    """In a path and in a body, at any depth."""
    rehearsal = await rehearsed(two_writes())
    first, second = rehearsal.requests
    assert first == FIRST
    assert second.path == 'things/{"$from":"create.id"}'
    assert json_text.write(second.json) == (
        b'{"of":{"$from":"create.id"},"deep":{"$from":"create.data.owner.id"}}'
    )
    assert rehearsal.result is None


async def test_reads_are_made_and_refused_as_ever() -> None:
    """Also a dry run has to know the record."""

    def dialogue() -> Dialogue[Any]:
        reply = yield READ
        yield write("update", "PUT", "things/1", {"kept": reply.json["kept"]})

    rehearsal = await rehearsed(dialogue(), said({"kept": 5}))
    assert [request.json for request in rehearsal.requests] == [{"kept": 5}]
    with pytest.raises(errors.VendorUnauthorized):
        await rehearsed(dialogue(), said(None, 401))
    with pytest.raises(errors.VendorFaulted):
        await rehearsed(dialogue(), said({"other": 5}))
    with pytest.raises(errors.NotSent):
        await rehearsed(dialogue(), errors.NotSent("x"))


async def test_a_dialogue_without_a_write_ends_with_its_result() -> None:
    """A change that maps to nothing, after a read or at once."""

    def after_a_read() -> Dialogue[str]:
        reply = yield READ
        return f"still {reply.json['name']}"

    def at_once() -> Dialogue[str]:
        yield from ()
        return "as it was"

    rehearsal = await rehearsed(after_a_read(), said({"name": "this"}))
    assert (rehearsal.requests, rehearsal.result) == ([], "still this")
    rehearsal = await rehearsed(at_once())
    assert (rehearsal.requests, rehearsal.result) == ([], "as it was")


async def test_a_refusal_that_a_dialogue_expects_is_its_own_affair() -> None:
    """It may end the dialogue, or lead to a write."""

    def ended() -> Dialogue[str]:
        try:
            yield READ
        except errors.VendorNotFound:
            return "none"
        return "never"

    def written() -> Dialogue[str]:
        try:
            yield READ
        except errors.VendorNotFound:
            yield FIRST
        return "made"

    assert (await rehearsed(ended(), said(None, 404))).result == "none"
    rehearsal = await rehearsed(written(), said(None, 404))
    assert (rehearsal.requests, rehearsal.result) == ([FIRST], "made")


LOOKS: dict[str, Callable[[Any], Any]] = {
    "get": lambda json: json.get("id"),
    "get-within": lambda json: json["id"].get("x"),
    "number": lambda json: int(json["id"]),
    "sum": lambda json: json["id"] + 1,
    "text": lambda json: json["id"].strip(),
    "list": lambda json: json["names"][0].upper(),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
async def test_to_ask_more_of_a_reply_ends_the_dry_run(look: Any) -> None:
    """The writes that were noted by then are shown, and nothing is called a fault."""

    def dialogue() -> Dialogue[Any]:
        reply = yield FIRST
        look(reply.json)
        yield write("rest", "PATCH", "things/1")

    assert (await rehearsed(dialogue())).requests == [FIRST]


async def test_a_refusal_after_a_write_is_a_refusal() -> None:
    """What a dialogue says by itself is said in the dry run too."""

    def dialogue() -> Dialogue[None]:
        yield FIRST
        raise errors.ValidationFailed("That cannot be.")

    with pytest.raises(errors.ValidationFailed):
        await rehearsed(dialogue())


async def test_a_bug_of_ours_stays_one() -> None:
    """It is neither the vendor's nor the placeholder's."""

    def dialogue() -> Dialogue[None]:
        yield READ
        raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        await rehearsed(dialogue(), said({}))


def test_a_placeholder_is_json_and_a_part_of_a_path() -> None:
    """And refuses to be anything else."""
    later = Later("create")["data"]["id"]
    assert json_text.write(later) == b'{"$from":"create.data.id"}'
    assert str(later) == '{"$from":"create.data.id"}'
    with pytest.raises(NotYetKnown):
        later.get("anything")
