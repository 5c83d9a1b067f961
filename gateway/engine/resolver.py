"""From a caller's write to a change that a dialogue can speak: admission, then resolution.

Admission runs without a call. Only a write that nothing refuses may cost the catalogue, and a name
that is not in it costs at most one fresh one a minute.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple, Protocol

from gateway.canonical.opportunity import Change, Opportunity, Warning
from gateway.errors import (
    AmbiguousReference,
    Faults,
    Rejected,
    UnknownCustomField,
    UnknownReference,
    ValidationFailed,
)
from gateway.normalizer.admission import Admitted, Write, admit
from gateway.normalizer.notation import Context
from gateway.normalizer.resolution import needs_catalogue, resolve
from gateway.translator import Vendor

_MENDED_BY_A_FRESH_ONE = (UnknownReference, UnknownCustomField, AmbiguousReference)


class Informed(Protocol):
    """Gives the context with the catalogue in it; `anew` asks for a fresh one."""

    def __call__(self, *, anew: bool = False) -> Awaitable[Context]: ...


class Asked(NamedTuple):
    """One write as a caller asks for it."""

    vendor: Vendor
    action: Write
    members: Iterable[tuple[str, Any]]
    lenient: bool


class Resolved(NamedTuple):
    """A change, what was left out of it, and the context that a dialogue has to speak in."""

    change: Change
    warnings: tuple[Warning, ...]
    context: Context


def needs_record(asked: Asked, admitted: Admitted, context: Context) -> bool:
    """Whether an update has to read the record before it can be resolved."""
    if asked.action != "update":
        return False
    first = asked.vendor.needs_first(context)
    return "*" in first or not first.isdisjoint(admitted.fields)


async def resolved(
    asked: Asked,
    context: Context,
    informed: Informed,
    read: Callable[[], Awaitable[Opportunity | None]],
) -> Resolved:
    """Admits and resolves. Raises `Rejected` with all that is wrong, before any vendor write."""
    admitted = _admitted(asked, context)
    if _wants_catalogue(asked, admitted):
        told = await informed()
        if told.catalogue is not context.catalogue:
            admitted = _admitted(asked, told)
        context = told
    current = await read() if needs_record(asked, admitted, context) else None
    try:
        change = resolve(admitted, asked.vendor.dialect, context, asked.action, current)
    except _MENDED_BY_A_FRESH_ONE:
        context = await informed(anew=True)
        change = resolve(admitted, asked.vendor.dialect, context, asked.action, current)
    return Resolved(change, tuple(admitted.warnings), context)


def _admitted(asked: Asked, context: Context) -> Admitted:
    dialect = asked.vendor.dialect
    refused: Rejected | None = None
    admitted = Admitted()
    try:
        admitted = admit(asked.members, dialect, context, asked.action, lenient=asked.lenient)
    except Rejected as error:
        refused = error
    if asked.action == "create":
        _require(asked, refused)
    if refused:
        raise refused
    return admitted


def _require(asked: Asked, refused: Rejected | None) -> None:
    """Names all that the vendor needs and the create has not, along with what else is wrong."""
    faults = Faults(list(refused.faults) if refused else [])
    for choice in asked.vendor.dialect.missing(dict(asked.members)):
        others = f" (or {', '.join(choice[1:])})" if choice[1:] else ""
        faults.add(ValidationFailed, choice[0], f"{choice[0]}{others} is required to create here")
    faults.raise_if_any()


def _wants_catalogue(asked: Asked, admitted: Admitted) -> bool:
    first = asked.vendor.catalogue_first
    named = "*" in first or not first.isdisjoint(admitted.fields)
    return named or needs_catalogue(admitted, asked.vendor.dialect)
