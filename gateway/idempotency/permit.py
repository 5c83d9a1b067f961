"""The permit: no byte of a write leaves before its record says so (reliability.md 2.4)."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gateway.canonical import json_text
from gateway.errors import DeadlineExceeded, NotSent, StoreUnavailable, VendorRefused
from gateway.idempotency.keys import Identity, derived_key
from gateway.idempotency.record import Record, Step
from gateway.idempotency.registry import Happened, Registry
from gateway.idempotency.replies import Lease
from gateway.translator import VendorRequest, VendorResponse

MIN_LEFT_MS: Final = 1000
"""How much of its lease a holder needs to be let send."""


class StepDiffers(Exception):
    """A write that is resumed asks for another call than the one that was made."""


class Hold(NamedTuple):
    """A record that is held: by whom, since which fence, and how it stood then."""

    hex32: str
    owner: str
    fence: int
    record: Record

    @property
    def unanswered(self) -> bool:
        """Whether an earlier send has no verdict, so that a refusal of the next proves nothing."""
        return self.record.unanswered > 0


@dataclass(slots=True)
class Sent:
    """One send of this holder, and what came back."""

    number: int
    request: VendorRequest
    reply: VendorResponse | None = None


@dataclass(slots=True)
class RecordPermit:
    """Leave to send, given by a record; it notes each send and each reply in it."""

    registry: Registry
    hold: Hold
    identity: Identity
    until: float
    """When a send is too late, on the event loop's clock."""
    last: Sent | None = None
    """The latest send that may have left."""
    lost: bool = False
    """Set where a lease that the write needs has gone to somebody else."""
    leased_until: float = math.inf
    """When the lease of the vendor's record ends unless it is renewed, on the same clock."""
    beside: Lease | None = None
    """That lease, where it came with the claim and is to go with the answer."""
    pre: Mapping[str, Any] | None = field(default=None, repr=False)
    """The vendor's record as it was read before the write, to be kept with the first send."""
    _made: list[tuple[str, VendorResponse]] = field(init=False, repr=False)
    _replayed: int = field(init=False, default=0)
    _attempts: int = field(init=False)
    _generation: int = field(init=False)

    def __post_init__(self) -> None:
        record = self.hold.record
        self._made = [_opened(self.registry, record.hex32, step) for step in record.steps]
        self._attempts = record.attempts
        self._generation = record.generation

    @property
    def marker(self) -> str | None:
        """What a create leaves at the vendor to be found by."""
        return self.hold.record.marker

    @property
    def made(self) -> Sequence[VendorResponse]:
        """The replies of the steps that are done, in their order."""
        return [reply for _, reply in self._made]

    def recorded(self, request: VendorRequest) -> VendorResponse | None:
        """The reply of a step that is done. Raises `StepDiffers` where it was another."""
        if self._replayed == len(self._made):
            return None
        was, reply = self._made[self._replayed]
        if was != spelled(request):
            raise StepDiffers(request.step)
        self._replayed += 1
        return reply

    def native_key(self, request: VendorRequest) -> str | None:
        """The key that a vendor who dedupes by itself is sent; a send again has the same one."""
        fingerprint = self.hold.record.fingerprint
        return derived_key(
            self.registry.signing_key(fingerprint.key_id),
            self.identity,
            step=request.step,
            generation=self._generation,
            fingerprint=fingerprint.digest,
        )

    async def leave(self, request: VendorRequest) -> None:
        """Records the send. Raises `NotSent` or `StoreUnavailable`: then not a byte may leave."""
        await self.flush()
        await self._keep_pre_image()
        hold, timers = self.hold, self.registry.timers
        number = self._attempts + 1
        let = late = False
        try:
            let = self._holds and await self.registry.store.dispatch(
                hold.hex32,
                owner=hold.owner,
                fence=hold.fence,
                send=number,
                min_left_ms=MIN_LEFT_MS,
                lease_ms=int(timers.vendor_seconds * 1000) + timers.slack_ms,
                replicas=timers.replicas,
                wait_ms=timers.replica_wait_ms,
            )
            late = let and _now() >= self.until
        except BaseException:
            # Whether the record says "sent" is unknown, and that nothing was sent is certain: for
            # as long as that is being taken back, nothing else may go out under the number.
            self.lost = True
            self.registry.leave(self._given_up(number))
            raise
        if not let or late or not self._holds:
            await self._take_back(number)
            if late:
                raise DeadlineExceeded("Too little time was left when the write was recorded.")
            raise NotSent("The write could not be recorded as sent, so it was not sent.")
        self._attempts = number
        self.last = Sent(number, request)

    @property
    def _holds(self) -> bool:
        """Whether all leases that the write needs are still its own, as far as is known here."""
        return not self.lost and _now() < self.leased_until

    async def note(self, request: VendorRequest, response: VendorResponse) -> None:
        """Keeps the reply in mind; a breakdown goes into the record at once, as evidence."""
        del request
        if self.last is None:
            return
        self.last.reply = response
        if response.status >= 500:
            await self._broke_down(response.status)

    async def flush(self) -> None:
        """Notes the reply to the latest send in the record, so that another may follow.

        Raises `NotSent` where somebody else holds the record meanwhile, or where that reply is no
        verdict.
        """
        sent, hold, store = self.last, self.hold, self.registry.store
        if sent is None or sent.reply is None:
            return
        if 200 <= sent.reply.status < 300:
            kept = (spelled(sent.request), sent.reply)
            moved = await store.step(
                hold.hex32,
                owner=hold.owner,
                dispatch_fence=hold.fence,
                send=sent.number,
                index=len(self._made),
                name=sent.request.step,
                reply=_sealed(self.registry, hold.hex32, kept),
            )
            self._made.append(kept)
            self._replayed += 1
        elif not refuses(sent.reply.status):
            raise NotSent("What became of the write before this one is not known.")
        else:
            moved = await store.refuse(
                hold.hex32, dispatch_fence=hold.fence, send=sent.number, end=False
            )
            self._generation += 1
        self.last = None
        if moved.word != "ok":
            raise NotSent("Another replica has taken the write over.")

    async def _broke_down(self, status: int) -> None:
        """Notes what forbids a re-send: at once, or as soon as the store is there again."""

        async def noted() -> object:
            detail = f"status {status}"
            return await self.registry.store.note(self.hold.hex32, kind=BROKE_DOWN, detail=detail)

        try:
            await noted()
        except StoreUnavailable:
            self.registry.leave(self.registry.persistently(noted))

    async def _keep_pre_image(self) -> None:
        if self.pre is None:
            return
        hold = self.hold
        sealed = self.registry.sealing.seal(hold.hex32, "pre", json_text.write(self.pre))
        await self.registry.store.facts(hold.hex32, owner=hold.owner, fence=hold.fence, pre=sealed)
        self.pre = None

    async def _take_back(self, number: int) -> None:
        try:
            await self._undispatched(number)
        except StoreUnavailable:
            self.registry.leave(self._given_up(number))

    async def _given_up(self, number: int) -> None:
        """Takes a send back, and frees the key, as soon as the store is there again."""
        hold, registry = self.hold, self.registry
        try:
            await registry.persistently(lambda: self._undispatched(number))
            await registry.store.release(hold.hex32, owner=hold.owner, fence=hold.fence)
        except StoreUnavailable:
            registry.tell(Happened.of(hold.record, "not-taken-back", "reads will settle it"))

    async def _undispatched(self, number: int) -> None:
        hold = self.hold
        await self.registry.store.undispatch(
            hold.hex32, owner=hold.owner, fence=hold.fence, send=number
        )


class Abandoned:
    """No leave at all: a write is told again as far as it was made, and the next step refused."""

    marker: str | None = None
    pre: Mapping[str, Any] | None = None

    def __init__(self, made: Sequence[VendorResponse]) -> None:
        self._made = list(made)

    def recorded(self, request: VendorRequest) -> VendorResponse | None:
        """The reply of a step that is done. Raises `VendorRefused` for the one after it."""
        if not self._made:
            raise VendorRefused(f"The step {request.step} was never made, and will not be.")
        return self._made.pop(0)

    def native_key(self, request: VendorRequest) -> str | None:
        """Has no key."""
        return None

    async def leave(self, request: VendorRequest) -> None:
        """Lets nothing go."""
        raise NotSent(f"The step {request.step} is given up.")

    async def note(self, request: VendorRequest, response: VendorResponse) -> None:
        """Never hears of a reply."""

    async def flush(self) -> None:
        """Has no send to put on record."""


BROKE_DOWN: Final = "broke-down"
"""The kind of evidence that a 5xx leaves: such an answer is not what the vendor keeps for a key."""


def refuses(status: int) -> bool:
    """Whether a vendor's status proves that a write was not applied (api.md 7)."""
    return 400 <= status < 500 and status != 408


def replies(registry: Registry, record: Record) -> list[VendorResponse]:
    """The replies of a record's steps that are done, in their order."""
    return [_opened(registry, record.hex32, step)[1] for step in record.steps]


def spelled(request: VendorRequest) -> str:
    """A request in one spelling, to be compared with the same one after a restart."""
    parts = [request.step, request.method, request.path, list(request.query), request.json]
    return json_text.write(parts, sort_keys=True).decode()


def _sealed(registry: Registry, hex32: str, kept: tuple[str, VendorResponse]) -> bytes:
    asked, reply = kept
    members = {"asked": asked, "status": reply.status, "json": reply.json, "text": reply.text}
    return registry.sealing.seal(hex32, "step", json_text.write(members))


def _opened(registry: Registry, hex32: str, step: Step) -> tuple[str, VendorResponse]:
    members = json_text.read(registry.opened(hex32, "step", step.reply or b""))
    reply = VendorResponse(status=members["status"], json=members["json"], text=members["text"])
    return members["asked"], reply


def _now() -> float:
    return asyncio.get_running_loop().time()
