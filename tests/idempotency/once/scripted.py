"""A vendor by script, and the rooms above it: what becomes of each send is written beforehand."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gateway.canonical import json_text
from gateway.engine.conduct import verdict
from gateway.errors import (
    GatewayError,
    Indeterminate,
    IndeterminateTimeout,
    NotSent,
    Partial,
)
from gateway.idempotency.answer import Answer
from gateway.idempotency.doing import Finding
from gateway.idempotency.permit import Abandoned, RecordPermit
from gateway.idempotency.record import Record
from gateway.translator import VendorRequest, VendorResponse, refusal

Evidence = Literal["update", "create", "blind"]
"""What can be read: an update shows either state, a create a mark or nothing, and some nothing."""

Leave = Callable[[], Awaitable[None]]
Play = Callable[["Vendor", VendorRequest, Leave], Awaitable[VendorResponse]]
"""What becomes of one send: it awaits its leave, and answers or raises what a wire would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A write, of one vendor call or of several."""

    steps: tuple[str, ...] = ("write",)
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """A send that reached the vendor."""

    step: str
    key: str | None
    at: float


@dataclass
class Vendor:
    """The vendor, and all that a record asks of the rooms above."""

    plays: list[Play] = field(default_factory=list)
    """What becomes of the next sends; when there is none left, the vendor takes them."""
    evidence: Evidence = "update"
    dedupe_seconds: int = 0
    findings: list[Finding | Exception] = field(default_factory=list)
    """What the next looks show; when there is none left, the truth."""
    sends: list[Seen] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    at_once: list[int] = field(default_factory=lambda: [0])
    """How many looks went on at each of them, and now."""
    look_seconds: float = 0.001
    pre: list[bytes | None] = field(default_factory=list)
    """The pre-images that looks were given."""
    reads: dict[str, object] = field(default_factory=dict)
    """The record as it is read before a write, if it is read."""
    refuses: list[Exception] = field(default_factory=list)
    """Raised by the next writes before they send anything."""
    abandons: list[Exception] = field(default_factory=list)
    """Raised where the next writes are given up half done."""
    finishes: list[Exception] = field(default_factory=list)
    """Raised in place of the next answers, when all of the vendor's are there."""

    def stored(self, write: Work) -> bytes:
        return json_text.write([list(write.steps), write.tag])

    def read(self, stored: bytes) -> Work:
        steps, tag = json_text.read(stored)
        return Work(steps=tuple(steps), tag=tag)

    async def perform(self, write: Work, permit: RecordPermit | Abandoned, until: float) -> Answer:
        if self.reads:
            permit.pre = self.reads
        if self.refuses:
            raise self.refuses.pop(0)
        for number, step in enumerate(write.steps):
            request = VendorRequest(
                effect="write", step=step, method="POST", path=step, json={"tag": write.tag}
            )
            reply = permit.recorded(request)
            try:
                if reply is None:
                    reply = await self._sent(request, permit)
                _judged(reply, request)
            except GatewayError as error:
                raise _half_done(error, write.steps[:number]) from error
        if self.finishes:
            raise self.finishes.pop(0)
        return self._made(f"done by {len(self.effects)} effects")

    def told(self, write: Work, error: GatewayError) -> Answer:
        said = {"code": error.code, "operation_id": error.operation_id}
        return Answer(
            status=STATUS.get(error.code, 502),
            headers={"Content-Type": "application/problem+json"},
            body=json_text.write(said),
            outcome=error.outcome,
            opportunity_id=error.opportunity_id,
            code=error.code,
        )

    async def look(
        self,
        write: Work,
        *,
        marker: str | None,
        pre: bytes | None,
        made: Sequence[VendorResponse],
    ) -> Finding:
        self.looks.append(_now())
        self.pre.append(pre)
        self.at_once.append(self.at_once[-1] + 1)
        await asyncio.sleep(self.look_seconds)
        self.at_once.append(self.at_once[-1] - 1)
        if self.findings:
            found = self.findings.pop(0)
            if isinstance(found, Exception):
                raise found
            return found
        return self._truth(write)

    async def applied(self, write: Work, opportunity_id: str | None) -> Answer:
        return self._made("read again", opportunity_id)

    def retold(self, write: Work, record: Record) -> Answer:
        error = GatewayError("told from the code alone")
        error.code = record.code or ""
        return self.told(write, error)

    async def abandoned(
        self, write: Work, made: Sequence[VendorResponse], operation_id: str
    ) -> Answer:
        if self.abandons:
            raise self.abandons.pop(0)
        error = Partial("the rest will not be made", applied=[])
        error.operation_id, error.opportunity_id = operation_id, "acme-one.1"
        return self.told(write, error)

    def takes(self, request: VendorRequest, key: str | None = None) -> VendorResponse:
        """The effect, once for each key where the vendor dedupes."""
        again = bool(self.dedupe_seconds) and key in [seen.key for seen in self.sends[:-1]]
        if not (again and request.step in self.effects):
            self.effects.append(request.step)
        return VendorResponse(status=201, json={"id": "1", "step": request.step})

    async def _sent(
        self, request: VendorRequest, permit: RecordPermit | Abandoned
    ) -> VendorResponse:
        play = self.plays.pop(0) if self.plays else takes
        key = permit.native_key(request) if self.dedupe_seconds else None

        async def leave() -> None:
            await permit.leave(request)
            self.sends.append(Seen(request.step, key, _now()))

        response = await play(self, request, leave)
        await permit.note(request, response)
        return response

    def _truth(self, write: Work) -> Finding:
        if self.evidence == "blind":
            return Finding(kind="blind", detail="no way", dedupe_seconds=self.dedupe_seconds)
        if write.steps[-1] in self.effects:
            return Finding(kind="applied", detail="it is there", answer=self._made("rebuilt"))
        kind: Literal["absent", "unchanged"] = (
            "absent" if self.evidence == "create" else "unchanged"
        )
        return Finding(kind=kind, detail="it is not there")

    def _made(self, how: str, opportunity_id: str | None = None) -> Answer:
        return Answer(
            status=201,
            headers={"Content-Type": "application/json", "ETag": '"1"', "Set-Cookie": "a=b"},
            body=json_text.write({"how": how, "at": str(_now())}),
            outcome="applied",
            opportunity_id=opportunity_id or "acme-one.1",
        )


STATUS = {
    "vendor-rejected": 422, "opportunity-not-found": 404, "vendor-conflict": 409,
    "precondition-failed": 412, "rate-limited": 429, "vendor-unavailable": 503,
    "store-unavailable": 503, "outcome-indeterminate": 504, "deadline-exceeded": 504,
    "history-lost": 409, "record-busy": 409, "matches-existing": 409,
}  # fmt: skip


async def takes(vendor: Vendor, request: VendorRequest, leave: Leave) -> VendorResponse:
    """The vendor takes the write."""
    await leave()
    return _taken(vendor, request)


async def unreached(vendor: Vendor, request: VendorRequest, leave: Leave) -> VendorResponse:
    """No connection is made."""
    raise NotSent("connecting failed")


def answers(status: int) -> Play:
    """The vendor answers that, and takes nothing."""

    async def play(vendor: Vendor, request: VendorRequest, leave: Leave) -> VendorResponse:
        await leave()
        return VendorResponse(status=status, json={})

    return play


def breaks(status: int) -> Play:
    """The vendor takes the write, and answers that it did not."""

    async def play(vendor: Vendor, request: VendorRequest, leave: Leave) -> VendorResponse:
        await leave()
        _taken(vendor, request)
        return VendorResponse(status=status, json={})

    return play


def hangs(*, applied: bool, seconds: float = 25.0) -> Play:
    """No answer comes in time."""

    async def play(vendor: Vendor, request: VendorRequest, leave: Leave) -> VendorResponse:
        await leave()
        if applied:
            _taken(vendor, request)
        await asyncio.sleep(seconds)
        raise IndeterminateTimeout("the time is up")

    return play


def cut(*, applied: bool) -> Play:
    """The connection breaks instead of an answer."""

    async def play(vendor: Vendor, request: VendorRequest, leave: Leave) -> VendorResponse:
        await leave()
        if applied:
            _taken(vendor, request)
        raise Indeterminate("the connection was cut")

    return play


def slow(seconds: float, *, before: float = 0.0) -> Play:
    """The vendor takes the write at its leisure."""

    async def play(vendor: Vendor, request: VendorRequest, leave: Leave) -> VendorResponse:
        await asyncio.sleep(before)
        await leave()
        await asyncio.sleep(seconds)
        return _taken(vendor, request)

    return play


def lingers(seconds: float) -> Play:
    """The vendor takes the write at once, and tells of it at its leisure."""

    async def play(vendor: Vendor, request: VendorRequest, leave: Leave) -> VendorResponse:
        await leave()
        response = _taken(vendor, request)
        await asyncio.sleep(seconds)
        return response

    return play


def _taken(vendor: Vendor, request: VendorRequest) -> VendorResponse:
    return vendor.takes(request, vendor.sends[-1].key)


def _judged(reply: VendorResponse, request: VendorRequest) -> None:
    if not 200 <= reply.status < 300:
        raise verdict(refusal(reply), request)


def _half_done(error: GatewayError, made: Sequence[str]) -> GatewayError:
    """As a translator of two calls tells it: final where it would be the same again."""
    if not made or isinstance(error, NotSent):
        return error
    told: GatewayError = Partial("the second was refused", applied=made)
    if not error.stored:
        told = IndeterminateTimeout("the second is open")
    told.opportunity_id = "acme-one.1"
    return told


def _now() -> float:
    return asyncio.get_running_loop().time()
