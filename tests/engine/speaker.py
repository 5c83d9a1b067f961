"""A translator whose dialogues a test writes, and a vendor that is a list of replies."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from gateway.errors import GatewayError, VendorError
from gateway.normalizer.notation import Context
from gateway.translator import (
    Translator,
    VendorRequest,
    VendorResponse,
    refusal,
)

CONTEXT = Context(connection="acme", vendor="acme", now=datetime(2026, 11, 21, tzinfo=UTC))


def unused(*_: Any) -> Any:
    """A dialogue that no test of the engine opens."""
    raise NotImplementedError


class Speaker(Translator):
    """A translator that has nothing but its words for refusals."""

    get = list = create = update = delete = catalogue = find = check = unused  # type: ignore[assignment]

    def error(self, response: VendorResponse) -> VendorError:
        """What the status means, in the vendor's own words."""
        body = response.json if isinstance(response.json, dict) else {}
        return refusal(response, message=body.get("message"))


SPEAKER = Speaker(CONTEXT)


class Replies:
    """A vendor that answers from a list; an error in it is raised, as by the exchange."""

    def __init__(self, *replies: VendorResponse | GatewayError) -> None:
        self._replies: Iterator[VendorResponse | GatewayError] = iter(replies)
        self.asked: list[VendorRequest] = []

    async def __call__(self, request: VendorRequest) -> VendorResponse:
        """Answers one request."""
        self.asked.append(request)
        reply = next(self._replies)
        if isinstance(reply, GatewayError):
            raise reply
        return reply


def said(json: Any = None, status: int = 200, **headers: str) -> VendorResponse:
    """A reply of JSON."""
    return VendorResponse(status=status, json=json, headers=headers)


def garbage(status: int = 200) -> VendorResponse:
    """A reply that is no JSON."""
    return VendorResponse(status=status, text="<html>")
