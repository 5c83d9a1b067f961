"""What callers send as each canonical field, drawn by Hypothesis, and when an answer shows it."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, get_args

from hypothesis import strategies as st

from gateway.canonical.custom_fields import CustomField
from gateway.canonical.money import Period
from gateway.canonical.opportunity import OpportunityPatch
from gateway.canonical.pipeline import Status
from gateway.conformance.subject import Subject
from gateway.normalizer.admission import internal
from gateway.normalizer.sameness import same

Drawn = st.SearchStrategy[Any]


TEXTS: Drawn = st.text(max_size=40)
WORDS: Drawn = st.lists(st.text("abcdefghij", min_size=1, max_size=8), min_size=1).map(" ".join)
"""Texts that survive a vendor's own markup."""
DATES: Drawn = st.dates().map(date.isoformat)
TIMES: Drawn = st.builds(
    "{}T{}".format,
    DATES,
    st.sampled_from(("12:00:00Z", "12:00:00Z", "04:00:00-08:00", "00:00:00Z", "23:59:59.5Z")),
)
NUMBERS: Drawn = st.integers(-(10**12), 10**12) | st.decimals(-(10**6), 10**6, places=4)
PERCENT: Drawn = st.integers(0, 100) | st.integers(0, 9).flatmap(
    lambda places: st.decimals(0, 100, places=places)
)
JSON: Drawn = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def _amount(units: int, places: int) -> str:
    """A whole number with a point set into it, of at most 19 digits before the point."""
    digits = str(abs(units)).zfill(places + 1)[-19 - places :]
    whole = (digits[:-places] if places else digits).lstrip("0") or "0"
    sign = "-" if units < 0 else ""
    return f"{sign}{whole}.{digits[-places:]}" if places else sign + whole


_EDGES = (0, 2**31 - 1, 2**31, 2**53, 2**53 + 1, 10**15, 10**19 - 1)
AMOUNTS: Drawn = st.builds(
    _amount,
    st.integers(-(10**28), 10**28) | st.integers(-(10**9), 10**9) | st.sampled_from(_EDGES),
    st.sampled_from((0, 0, 1, 2, 2, 3, 9)),
)
"""The whole range of api.md 3: up to 19 digits before the point and up to 9 after it."""

_BY_TYPE: Mapping[str, Drawn] = {
    "text": TEXTS,
    "number": NUMBERS,
    "boolean": st.booleans(),
    "date": DATES,
}


def _money(subject: Subject) -> Drawn:
    named = {"period": st.sampled_from(get_args(Period))}
    if subject.bare.currency:
        named["currency"] = st.just(subject.bare.currency)
    return st.fixed_dictionaries({"amount": AMOUNTS}, optional=named)


def _ids(things: Iterable[Any]) -> Drawn:
    """References to what the vendor showed; to a stranger where it showed nothing."""
    found = sorted({thing.id for thing in things if thing is not None and thing.id is not None})
    return st.fixed_dictionaries({"id": st.sampled_from(found or ["0"])})


def _seen(subject: Subject, name: str) -> list[Any]:
    return [getattr(record, name) for record in subject.records]


def _stages(subject: Subject) -> Drawn:
    listed = (stage for _, stage in subject.context.catalogue.stages())
    return _ids([*listed, *_seen(subject, "stage")])


def _pipelines(subject: Subject) -> Drawn:
    return _ids([*(subject.context.catalogue.pipelines or ()), *_seen(subject, "pipeline")])


def _owners(subject: Subject) -> Drawn:
    return _ids([*(subject.context.catalogue.users or ()), *_seen(subject, "owner")])


def _accounts(subject: Subject) -> Drawn:
    return _ids(_seen(subject, "account"))


def _contacts(subject: Subject) -> Drawn:
    """Contacts by id, and by their addresses where the vendor shows no ids."""
    shown = [contact for record in subject.records for contact in record.contacts]
    if any(contact.id for contact in shown):
        return st.lists(_ids(shown), min_size=1, max_size=2)
    phone = st.from_regex(r"\+1-555-01[0-9]{2}", fullmatch=True)
    email = st.emails(domains=st.just("example.com"))
    address = st.fixed_dictionaries({"email": email, "phone": phone})
    return st.lists(address, min_size=1, max_size=1)


def _custom(subject: Subject) -> Drawn:
    """Values of custom fields by their type; of a type without a rule, those that were seen."""
    reserved = {*subject.dialect.reserved(subject.context), subject.bare.option("marker_field")}
    values: dict[str, Drawn] = {}
    for field in subject.context.catalogue.custom_fields or ():
        held = (record.custom_fields.get(field.key) for record in subject.records)
        seen = [value for value in held if value is not None]
        if field.writable and field.vendor_key not in reserved:
            values[field.key] = _of_type(field, seen)
    return st.fixed_dictionaries({}, optional=values).filter(bool)


def _of_type(field: CustomField, seen: list[Any]) -> Drawn:
    one = st.sampled_from(field.choices) if field.choices else _BY_TYPE.get(field.type)
    if one is None:
        return st.sampled_from(seen) if seen else st.nothing()
    return st.lists(one, max_size=3, unique=True) if field.multiple else one


def _texts(_: Subject) -> Drawn:
    return TEXTS


DRAWS: Mapping[str, Callable[[Subject], Drawn]] = {
    **dict.fromkeys(("external_id", "name", "description", "lost_reason", "won_reason"), _texts),
    "value": _money,
    "probability": lambda _: PERCENT,
    "status": lambda _: st.sampled_from(get_args(Status)),
    "stage": _stages,
    "pipeline": _pipelines,
    "owner": _owners,
    "account": _accounts,
    "contacts": _contacts,
    "expected_close_date": lambda _: DATES,
    "closed_at": lambda _: TIMES,
    "custom_fields": _custom,
}
"""Every field that callers can send."""


def shows(name: str, sent: Any, shown: Any) -> bool:
    """Whether a field of an answer is what a caller's JSON named."""
    wanted = getattr(OpportunityPatch.model_validate({name: sent}), name)
    return same(name, internal(wanted, "update"), shown) is True
