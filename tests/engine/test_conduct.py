"""The driver: requests out, replies in, errors thrown in, and everything else a `GatewayError`."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway import errors
from gateway.engine.conduct import conduct
from gateway.errors import GatewayError
from gateway.translator import Dialogue, VendorRequest, VendorResponse, read, write
from tests.engine.speaker import CONTEXT, SPEAKER, Replies, Speaker, garbage, said

READ = read("get", "things/1", of_record=True)
LOOKUP = read("look", "others")
WRITE = write("update", "PATCH", "things/1", {"a": 1}, of_record=True)
CREATE = write("create", "POST", "things", {"a": 1})
DELETE = write("delete", "DELETE", "things/1", of_record=True)


def one(request: VendorRequest) -> Dialogue[Any]:
    """A dialogue of one request, which ends with the reply's id."""
    reply = yield request
    return reply.json["id"]


def ends(request: VendorRequest) -> Dialogue[None]:
    """A dialogue that does not look at its reply, as deletes do."""
    yield request


async def failure(dialogue: Dialogue[Any], *replies: Any) -> GatewayError:
    """What a dialogue ends in."""
    with pytest.raises(GatewayError) as caught:
        await conduct(dialogue, SPEAKER, Replies(*replies))
    return caught.value


async def test_replies_are_sent_in_until_the_end() -> None:
    """The result is what the generator returns."""

    def dialogue() -> Dialogue[str]:
        first = yield READ
        second = yield LOOKUP
        return f"{first.json}{second.json}"

    vendor = Replies(said("a"), said("b"))
    assert await conduct(dialogue(), SPEAKER, vendor) == "ab"
    assert vendor.asked == [READ, LOOKUP]


async def test_a_dialogue_may_ask_nothing() -> None:
    """A change that maps to nothing makes no call."""

    def dialogue() -> Dialogue[str]:
        yield from ()
        return "as it was"

    vendor = Replies()
    assert await conduct(dialogue(), SPEAKER, vendor) == "as it was"
    assert vendor.asked == []


async def test_a_refusal_is_thrown_in_where_it_was_asked() -> None:
    """A dialogue may catch it and go on."""

    def dialogue() -> Dialogue[str]:
        try:
            yield READ
        except errors.VendorConflict as error:
            reply = yield LOOKUP
            return f"{error.reply and error.reply.message} {reply.json}"
        return "never"

    vendor = Replies(said({"message": "busy"}, 409), said("then"))
    assert await conduct(dialogue(), SPEAKER, vendor) == "busy then"


async def test_a_refusal_may_end_the_dialogue_well() -> None:
    """What is caught and returned from is no failure."""

    def dialogue() -> Dialogue[str]:
        try:
            yield READ
        except errors.VendorNotFound:
            return "not there"
        return "never"

    assert await conduct(dialogue(), SPEAKER, Replies(said(None, 404))) == "not there"


@pytest.mark.parametrize(
    "lost", [errors.NotSent("x"), errors.VendorTimeout("x"), errors.Indeterminate("x")]
)
async def test_a_lost_call_is_thrown_in_too(lost: GatewayError) -> None:
    """So that a create in two calls can say what it had done."""
    seen: list[GatewayError] = []

    def dialogue() -> Dialogue[None]:
        try:
            yield CREATE
        except GatewayError as error:
            seen.append(error)
            raise

    assert await failure(dialogue(), lost) is lost
    assert seen == [lost]


async def test_an_answer_that_is_no_json_is_thrown_in_too() -> None:
    """It means the same as any other breakdown."""

    def dialogue() -> Dialogue[None]:
        yield CREATE
        try:
            yield WRITE
        except errors.Indeterminate as error:
            error.opportunity_id = "acme.7"
            raise

    error = await failure(dialogue(), said({"id": 7}), garbage())
    assert isinstance(error, errors.Indeterminate)
    assert error.opportunity_id == "acme.7"


READS: dict[int, type[GatewayError]] = {
    400: errors.VendorRefused, 401: errors.VendorUnauthorized, 402: errors.VendorRefused,
    403: errors.VendorForbidden, 404: errors.VendorNotFound, 405: errors.VendorMisspoke,
    408: errors.VendorUnavailable, 409: errors.VendorConflict, 410: errors.VendorRefused,
    412: errors.VendorPrecondition, 413: errors.VendorRefused, 415: errors.VendorMisspoke,
    418: errors.VendorRefused, 422: errors.VendorRefused, 425: errors.VendorTooEarly,
    429: errors.VendorThrottled, 500: errors.VendorFaulted, 502: errors.VendorFaulted,
    503: errors.VendorUnavailable, 504: errors.VendorUnavailable, 301: errors.VendorFaulted,
    307: errors.VendorFaulted, 304: errors.VendorFaulted, 599: errors.VendorFaulted,
}  # fmt: skip
UNKNOWN = (500, 502, 503, 504, 301, 307, 304, 599)
WRITES: dict[int, type[GatewayError]] = {
    **READS, **dict.fromkeys(UNKNOWN, errors.Indeterminate), 408: errors.IndeterminateTimeout,
}  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "table"),
    [pytest.param(READ, READS, id="read"), pytest.param(WRITE, WRITES, id="write")],
)
async def test_a_status_means_what_the_contract_says(
    request_: VendorRequest, table: dict[int, type[GatewayError]]
) -> None:
    """On a write a breakdown proves nothing; everything else says that nothing was applied."""
    for status, kind in table.items():
        error = await failure(one(request_), said({"message": "words"}, status))
        assert type(error) is kind, status
        assert error.reply is not None
        assert (error.reply.status, error.reply.message) == (status, "words")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206])
async def test_every_2xx_is_a_success(status: int) -> None:
    """Vendors differ in what they say of one."""
    assert await conduct(one(WRITE), SPEAKER, Replies(said({"id": 3}, status))) == 3


async def test_a_404_on_anything_but_the_record_is_no_missing_opportunity() -> None:
    """On a read the vendor breaks its contract; on a write something referred to is not there."""
    assert type(await failure(one(READ), said(None, 404))) is errors.VendorNotFound
    assert type(await failure(one(WRITE), said(None, 404))) is errors.VendorNotFound
    lookup = await failure(one(LOOKUP), said(None, 404))
    assert (type(lookup), lookup.code) == (errors.VendorMisspoke, "vendor-bad-response")
    create = await failure(one(CREATE), said(None, 404))
    assert (type(create), create.code) == (errors.VendorUnknownReference, "unknown-reference")
    assert {fault.code for fault in create.faults} <= {"unknown-reference"}


async def test_a_dialogue_may_say_itself_that_there_is_none() -> None:
    """An error of its own making is passed on as it is."""

    def dialogue() -> Dialogue[None]:
        yield LOOKUP
        raise errors.VendorNotFound("The list does not hold it.")

    error = await failure(dialogue(), said([]))
    assert type(error) is errors.VendorNotFound


def wants_id(json: Any) -> Any:
    """Looks for an id as dialogues do, in whatever there is."""
    return json["id"]


def wants_number(json: Any) -> Any:
    """Trusts a text to be a number."""
    return int(json["number"])


def wants_member(json: Any) -> Any:
    """Trusts an object to be there."""
    return json["inner"].get("x")


@pytest.mark.parametrize(
    ("look", "json"),
    [
        (wants_id, None),
        (wants_id, {}),
        (wants_id, []),
        (wants_id, "text"),
        (wants_id, 7),
        (wants_number, {"number": "seven"}),
        (wants_number, {"number": None}),
        (wants_member, {"inner": [1]}),
    ],
)
async def test_a_misshapen_answer_is_the_vendors_fault(
    look: Callable[[Any], Any], json: Any
) -> None:
    """A 2xx of another shape: on a read a bad response, on a write an unknown outcome."""

    def dialogue(request: VendorRequest) -> Dialogue[Any]:
        reply = yield request
        return look(reply.json)

    for request, kind in ((READ, errors.VendorFaulted), (WRITE, errors.Indeterminate)):
        error = await failure(dialogue(request), said(json))
        assert type(error) is kind
        assert error.reply is not None
        assert error.reply.status == 200


@pytest.mark.parametrize(
    ("request_", "kind"),
    [(READ, errors.VendorFaulted), (WRITE, errors.Indeterminate), (DELETE, errors.Indeterminate)],
)
async def test_an_answer_that_is_no_json_cannot_be_read(
    request_: VendorRequest, kind: type[GatewayError]
) -> None:
    """Not even where the dialogue would not have looked at it: it may be anybody's page."""
    assert type(await failure(ends(request_), garbage())) is kind


async def test_an_empty_answer_to_a_delete_is_enough() -> None:
    """There is nothing to tell of what is gone."""
    vendor = Replies(said(None, 204))
    await conduct(ends(DELETE), SPEAKER, vendor)
    assert vendor.asked == [DELETE]


@pytest.mark.parametrize("json", [{"error": "no"}, {"errors": []}, {"code": 5}])
async def test_a_success_that_tells_of_an_error_deletes_nothing_for_sure(json: Any) -> None:
    """200 with an error body: nobody knows."""
    assert type(await failure(ends(DELETE), said(json))) is errors.Indeterminate


async def test_an_error_of_the_caller_is_raised_as_it_is() -> None:
    """What a dialogue refuses before its first request costs no call."""
    refused = errors.ValidationFailed("Name a stage.")

    def dialogue() -> Dialogue[None]:
        yield from ()
        raise refused

    assert await failure(dialogue()) is refused


async def test_a_bug_of_ours_is_not_blamed_on_the_vendor() -> None:
    """What no answer can cause is raised as what it is."""

    def dialogue() -> Dialogue[None]:
        yield READ
        raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        await conduct(dialogue(), SPEAKER, Replies(said({})))


async def test_a_vendors_pause_is_kept() -> None:
    """In seconds, at least one and no longer than five minutes; a date is not read."""
    for given, seconds in (("30", 30), ("0", 1), ("86400", 300), ("", None), ("soon", None),
                           ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-5", None)):  # fmt: skip
        error = await failure(one(READ), said(None, 429, **{"retry-after": given}))
        assert error.retry_after == seconds


async def test_a_fault_of_ours_before_a_second_call_is_not_blamed_on_the_vendor() -> None:
    """The first answer was read and is done with: nothing of the second call has left."""

    def dialogue() -> Dialogue[None]:
        yield READ
        yield WRITE

    async def send(request: VendorRequest) -> VendorResponse:
        if request is WRITE:
            raise TypeError("this is not JSON")
        return said({"id": "1"})

    with pytest.raises(TypeError, match="this is not JSON"):
        await conduct(dialogue(), SPEAKER, send)


async def test_a_refusal_that_the_translator_stumbles_over_is_read_by_its_status() -> None:
    """To call it an unreadable acceptance would turn a plain no into an unknown outcome."""

    class Stumbling(Speaker):
        def error(self, response: VendorResponse) -> errors.VendorError:
            raise KeyError("code")

    with pytest.raises(errors.VendorRefused):
        await conduct(one(WRITE), Stumbling(CONTEXT), Replies(said({}, 400)))
