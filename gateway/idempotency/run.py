"""One execution of a write: done under a claim, and concluded in its record whatever happens."""

from contextlib import suppress
from typing import Final, Generic, Literal, NamedTuple, cast

from gateway.errors import (
    GatewayError,
    Indeterminate,
    IndeterminateTimeout,
    InternalError,
    Rejected,
    StoreUnavailable,
)
from gateway.idempotency.addresses import operation_id
from gateway.idempotency.answer import Answer
from gateway.idempotency.beating import Beating
from gateway.idempotency.doing import Doing, W
from gateway.idempotency.lease import RecordLease, freed
from gateway.idempotency.permit import Hold, RecordPermit, Sent, StepDiffers, refuses
from gateway.idempotency.record import Result
from gateway.idempotency.registry import Happened, Registry
from gateway.idempotency.replies import Lease

Status = Literal[
    "created", "replayed", "in-progress", "indeterminate", "mismatch", "not-applied", "not-stored"
]
"""What `Idempotency-Status` says (reliability.md 1.2)."""

HARD_LIMIT_MS: Final = 150_000
"""How long a live holder may hold: longer than any request takes."""
FIRST_LOOK_SECONDS: Final = 2
"""When it is worth a caller's while to ask again."""


class Told(NamedTuple):
    """What the caller is told, and how it stands with the record."""

    answer: Answer
    status: Status
    cause: BaseException | None = None
    unsettled: bool = False
    """Whether a send is left without a verdict, to be found out by reading."""


class Run(Generic[W]):
    """A write on its way, under one holder's fence."""

    def __init__(self, registry: Registry, doing: Doing[W], write: W, permit: RecordPermit) -> None:
        self._registry = registry
        self._doing = doing
        self._write = write
        self._permit = permit
        self._hold: Hold = permit.hold

    async def executed(self, lease: Lease | None, until: float) -> Told:
        """Does the write and concludes it; `lease` is what it needs of the vendor's record."""
        try:
            with Beating(self._registry, self._registry.timers.heartbeat_seconds, self._beat):
                answer = await self._performed(lease, until)
        except GatewayError as error:
            return await self.ended(error)
        except StepDiffers as error:
            return await self._abandoned(error)
        except Exception as error:  # noqa: BLE001 - the record has to be concluded all the same
            fault = InternalError(
                "The gateway has a fault; its log has the details under the request's id."
            )
            return await self.ended(fault, error)
        return await self.completed(answer)

    async def _performed(self, lease: Lease | None, until: float) -> Answer:
        """The write done under the lease of the vendor's record; a create has none yet."""
        if lease is None:
            return await self._doing.perform(self._write, self._permit, until)
        async with RecordLease(self._permit, self._registry, lease, until):
            return await self._doing.perform(self._write, self._permit, until)

    async def ended(self, error: GatewayError, cause: BaseException | None = None) -> Told:
        """What becomes of the record of a write that ended in an error (api.md 7)."""
        cause = cause or error.__cause__
        sent = self._permit.last
        if sent is None:
            return await self._unsent(error, cause)
        if error.stored and _is_about(sent, error) and not self._hold.unanswered:
            error.operation_id = operation_id(self._hold.hex32)
            return await self.completed(self._doing.told(self._write, error), cause)
        if _is_refusal(sent, error):
            return await self._refused(sent, error, cause)
        if _is_step(sent, error):
            return await self._resumable(error, cause)
        return self._unknown(error, cause)

    async def _unsent(self, error: GatewayError, cause: BaseException | None) -> Told:
        """Nothing of this run left: the key is free, or waits for the step after those done."""
        made = self._permit.made
        if made and (error.stored or isinstance(error, Rejected)):
            return await self._abandoned(cause)
        with suppress(StoreUnavailable):
            await self._registry.store.release(
                self._hold.hex32, owner=self._hold.owner, fence=self._hold.fence
            )
        if made or self._hold.unanswered:
            return self._told_unknown(error, cause, unsettled=self._hold.unanswered)
        if isinstance(error, InternalError):
            error.outcome = "not_applied"  # it may be anything, and yet nothing was sent
        status: Status = "not-applied" if error.outcome == "not_applied" else "indeterminate"
        return Told(answer=self._doing.told(self._write, error), status=status, cause=cause)

    async def _abandoned(self, cause: BaseException | None) -> Told:
        """The steps that are left can never be made: that is the end of it."""
        number = operation_id(self._hold.hex32)
        answer = await self._doing.abandoned(self._write, self._permit.made, number)
        return await self.completed(answer, cause)

    async def _resumable(self, error: GatewayError, cause: BaseException | None) -> Told:
        """A step is done and the next was not sent: the same key goes on from there."""
        with suppress(StoreUnavailable, GatewayError):
            await self._permit.flush()
            await self._registry.store.release(
                self._hold.hex32, owner=self._hold.owner, fence=self._hold.fence
            )
        return self._told_unknown(error, cause, unsettled=False)

    async def _refused(self, sent: Sent, error: GatewayError, cause: BaseException | None) -> Told:
        """The vendor said no, and not for good: the key is free, but for sends still open."""
        moved = None
        with suppress(StoreUnavailable):
            moved = await self._registry.store.refuse(
                self._hold.hex32, dispatch_fence=self._hold.fence, send=sent.number, end=True
            )
        open_still = not moved or moved.state == "reconciling"
        if open_still or isinstance(error, Indeterminate):
            return self._told_unknown(error, cause, unsettled=open_still)
        return Told(answer=self._doing.told(self._write, error), status="not-applied", cause=cause)

    def _unknown(self, error: GatewayError, cause: BaseException | None) -> Told:
        return self._told_unknown(error, cause, unsettled=True)

    def _told_unknown(
        self, error: GatewayError, cause: BaseException | None, *, unsettled: bool
    ) -> Told:
        if error.outcome != "unknown":
            error = _as_unknown(error)
        error.operation_id = operation_id(self._hold.hex32)
        error.retry_after = error.retry_after or FIRST_LOOK_SECONDS
        return Told(
            answer=self._doing.told(self._write, error),
            status="indeterminate",
            cause=cause,
            unsettled=unsettled,
        )

    async def completed(self, answer: Answer, cause: BaseException | None = None) -> Told:
        """Keeps the final answer; what was kept before it wins, so that replays are equal."""
        try:
            return await self._kept(answer, cause)
        except StoreUnavailable:
            self._tell("not-stored", "the store was away when the vendor had answered")
            if lease := self._permit.beside:  # nobody else shall wait until the answer is kept
                self._registry.leave(freed(self._registry, lease, self._hold.owner))
            self._registry.leave(self._kept_later(answer))
            return Told(answer=answer, status="not-stored", cause=cause)

    async def _kept(self, answer: Answer, cause: BaseException | None = None) -> Told:
        hold, registry = self._hold, self._registry
        word = await registry.store.complete(
            hold.hex32,
            owner=hold.owner,
            fence=hold.fence,
            dispatch_fence=hold.fence if self._permit.last else None,
            answer=registry.sealing.seal(hold.hex32, "answer", answer.stored()),
            answer_status=answer.status,
            outcome=cast(Result, answer.outcome),
            opportunity_id=answer.opportunity_id,
            code=answer.code,
            keep_ms=registry.timers.retention_ms,
            beside=self._permit.beside,
        )
        if word == "already":
            stored = await registry.store.get(hold.hex32)
            if stored and stored.answer:
                first = Answer.read(registry.opened(hold.hex32, "answer", stored.answer))
                return Told(answer=first, status="replayed", cause=cause)
        if word != "ok":
            self._tell(word, "an answer came to a record that was not waiting for it")
        kept = word in {"ok", "late"}
        return Told(answer=answer, status="created" if kept else "not-stored", cause=cause)

    async def _kept_later(self, answer: Answer) -> None:
        with suppress(StoreUnavailable):
            await self._registry.persistently(lambda: self._kept(answer))

    async def _beat(self) -> bool:
        """Prolongs the claim."""
        hold, timers = self._hold, self._registry.timers
        with suppress(StoreUnavailable):
            mine = await self._registry.store.heartbeat(
                hold.hex32,
                owner=hold.owner,
                fence=hold.fence,
                lease_ms=timers.claimed_lease_ms,
                hard_limit_ms=HARD_LIMIT_MS,
            )
            self._permit.lost |= not mine
        return not self._permit.lost

    def _tell(self, kind: str, detail: str) -> None:
        self._registry.tell(Happened.of(self._hold.record, kind, detail))


def _is_refusal(sent: Sent, error: GatewayError) -> bool:
    """Whether a send is proved not to be applied: by its status (api.md 7), or by its answer.

    A vendor that matches instead of creating answers 2xx with a record that was there before.
    """
    if sent.reply is None:
        return False
    return refuses(sent.reply.status) or isinstance(error, Rejected)


def _is_about(sent: Sent, error: GatewayError) -> bool:
    """Whether an error tells of the send: a read that is refused after it proves nothing of it."""
    return error.outcome != "not_applied" or _is_refusal(sent, error)


def _is_step(sent: Sent, error: GatewayError) -> bool:
    """Whether the vendor took the send, and the error is about what was to follow it."""
    taken = sent.reply is not None and 200 <= sent.reply.status < 300
    misread = error.reply is not None and error.reply.status == (sent.reply and sent.reply.status)
    return taken and not misread and not isinstance(error, InternalError)


def _as_unknown(error: GatewayError) -> GatewayError:
    unknown = IndeterminateTimeout(
        f"A write of this operation was sent, and it is not known how it ended. {error.message}",
        reply=error.reply,
    )
    unknown.connection = error.connection
    return unknown
