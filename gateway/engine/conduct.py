"""The driver of dialogues: requests out, replies in, a canonical result at the end."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from gateway.errors import (
    GatewayError,
    Indeterminate,
    IndeterminateTimeout,
    VendorError,
    VendorFaulted,
    VendorMisspoke,
    VendorNotFound,
    VendorReply,
    VendorTimeout,
    VendorUnavailable,
    VendorUnknownReference,
)
from gateway.translator import Dialogue, Translator, VendorRequest, VendorResponse, refusal

T = TypeVar("T")
Send = Callable[[VendorRequest], Awaitable[VendorResponse]]

MISSHAPEN = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
"""What a dialogue raises over a 2xx whose body has not the shape that the vendor documents."""
ERROR_MEMBERS = frozenset({"error", "errors", "code"})
"""What shows that a 2xx for a delete, whose body no dialogue reads, is an error all the same."""


async def conduct(dialogue: Dialogue[T], translator: Translator, send: Send) -> T:
    """Drives a dialogue to its end. Raises `GatewayError` alone.

    A reply that is no 2xx, or no JSON, is thrown into the dialogue as the error that it means for
    this request.
    """
    request: VendorRequest | None = None
    reply: VendorResponse | None = None
    try:
        request = next(dialogue)
        while True:
            reply = None
            try:
                reply = await send(request)
                _refuse(reply, request, translator)
            except GatewayError as error:
                request = dialogue.throw(error)
            else:
                request = dialogue.send(reply)
    except StopIteration as stop:
        result: T = stop.value
        return result
    except VendorNotFound as error:
        raise _of_what(error, request) from None
    except MISSHAPEN as error:
        if reply is None:
            raise  # no answer is being read, so this is a fault of ours
        raise _misshapen(request, reply) from error


def _refuse(reply: VendorResponse, request: VendorRequest, translator: Translator) -> None:
    if not 200 <= reply.status < 300:
        raise verdict(_error(reply, translator), request)
    if _is_no_json(reply) or (request.method == "DELETE" and _tells_error(reply)):
        raise _misshapen(request, reply)


def _error(reply: VendorResponse, translator: Translator) -> VendorError:
    """The translator's reading of a refusal; where it stumbles, the status speaks for itself."""
    try:
        return translator.error(reply)
    except MISSHAPEN:
        return refusal(reply)


def _is_no_json(reply: VendorResponse) -> bool:
    return reply.json is None and reply.text != ""


def _tells_error(reply: VendorResponse) -> bool:
    return isinstance(reply.json, Mapping) and not ERROR_MEMBERS.isdisjoint(reply.json)


def verdict(error: VendorError, request: VendorRequest) -> GatewayError:
    """What an error means for this request: after a write a breakdown proves nothing (api.md 7)."""
    if request.effect == "read":
        return error
    if isinstance(error, VendorNotFound) and not request.of_record:
        return VendorUnknownReference(
            "The vendor does not know something that the write refers to.",
            reply=error.reply,
            faults=[replace(fault, code=VendorUnknownReference.code) for fault in error.faults],
        )
    if isinstance(error, (VendorFaulted, VendorUnavailable, VendorTimeout)):
        late = error.reply is not None and error.reply.status == 408
        kind = IndeterminateTimeout if late else Indeterminate
        return kind(
            "The write was sent and the vendor broke down: whether it was applied is unknown.",
            reply=error.reply,
        )
    return error


def _of_what(error: VendorNotFound, request: VendorRequest | None) -> VendorError:
    """A 404 on anything but the record is the vendor breaking its own contract, on a read."""
    if request is None or request.of_record or error.reply is None:
        return error
    return VendorMisspoke(f"The vendor has nothing at {request.path}.", reply=error.reply)


def _misshapen(request: VendorRequest | None, reply: VendorResponse | None) -> Exception:
    if reply is not None and isinstance(reply.json, Later):
        return NotYetKnown()
    said = VendorReply(status=reply.status) if reply else None
    if request is not None and request.effect == "write":
        return Indeterminate(
            "The vendor accepted the write, and its answer cannot be read.", reply=said
        )
    return VendorFaulted("The vendor's answer has not the shape that it documents.", reply=said)


class NotYetKnown(Exception):
    """A dry run asked for more of a reply than its place in a later request."""


class Later(dict[str, Any]):
    """A part of a reply that is not there yet: `{"$from": "create.id"}` in what a dry run shows."""

    def __init__(self, origin: str) -> None:
        super().__init__({"$from": origin})
        self._origin = origin

    def __getitem__(self, name: str) -> Any:
        """A part of the part."""
        return Later(f"{self._origin}.{name}")

    def __str__(self) -> str:
        """How it stands inside a path."""
        return f'{{"$from":"{self._origin}"}}'

    def get(self, name: str, default: Any = None) -> Any:
        """Raises `NotYetKnown`: to ask whether something is there is to ask too much."""
        raise NotYetKnown


@dataclass(slots=True)
class Rehearsal:
    """The writes that a dialogue would make, and what it would end with if it made none."""

    requests: list[VendorRequest] = field(default_factory=list)
    result: Any = None


async def rehearse(dialogue: Dialogue[Any], translator: Translator, send: Send) -> Rehearsal:
    """A dry run: reads are made, writes are noted and answered with what is not known yet."""
    rehearsal = Rehearsal()

    async def reads_only(request: VendorRequest) -> VendorResponse:
        if request.effect == "read":
            return await send(request)
        rehearsal.requests.append(request)
        return VendorResponse(status=200, json=Later(request.step))

    try:
        rehearsal.result = await conduct(dialogue, translator, reads_only)
    except NotYetKnown:
        rehearsal.result = None
    return rehearsal
