"""What callers send as each canonical field, drawn by Hypothesis, and when an answer shows it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, get_args

from hypothesis import strategies as st

from gateway.canonical.custom_fields import CustomField
from gateway.canonical.money import Period
from gateway.canonical.opportunity import Value
from gateway.canonical.pipeline import Status
from gateway.conformance.subject import Subject
from gateway.normalizer import dates

Drawn = st.SearchStrategy[Any]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is sent as a field, and whether what an answer shows is the same."""

    draws: Callable[[Subject], Drawn]
    same: Callable[[Any, Any], bool]


def _equal(sent: Any, shown: Any) -> bool:
    return bool(sent == shown)


def _same_instant(sent: str, shown: str | None) -> bool:
    return dates.instant(sent) == shown


def _same_money(sent: Mapping[str, Any], shown: Value | None) -> bool:
    """Equal amounts, whatever their digits; currency and period where they were named."""
    if shown is None or shown.amount is None:
        return False
    told = {**shown.model_dump(), "amount": Decimal(shown.amount)}
    return {**sent, "amount": Decimal(sent["amount"])}.items() <= told.items()


def _refers(sent: Mapping[str, Any], shown: Any) -> bool:
    return shown is not None and all(getattr(shown, key) == sent[key] for key in sent)


def _all_refer(sent: list[Mapping[str, Any]], shown: tuple[Any, ...]) -> bool:
    return len(sent) == len(shown) and all(map(_refers, sent, shown))


def _same_values(sent: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    """Each key shows what was sent; an empty list is as good as no value."""
    return all(shown.get(key, []) == value for key, value in sent.items())


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
    reserved = subject.dialect.reserved(subject.context)
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


_PLAIN = Meaning(lambda _: TEXTS, _equal)

MEANINGS: Mapping[str, Meaning] = {
    **dict.fromkeys(("external_id", "name", "description", "lost_reason", "won_reason"), _PLAIN),
    "value": Meaning(_money, _same_money),
    "probability": Meaning(lambda _: PERCENT, _equal),
    "status": Meaning(lambda _: st.sampled_from(get_args(Status)), _equal),
    "stage": Meaning(_stages, _refers),
    "pipeline": Meaning(_pipelines, _refers),
    "owner": Meaning(_owners, _refers),
    "account": Meaning(_accounts, _refers),
    "contacts": Meaning(_contacts, _all_refer),
    "expected_close_date": Meaning(lambda _: DATES, _equal),
    "closed_at": Meaning(lambda _: TIMES, _same_instant),
    "custom_fields": Meaning(_custom, _same_values),
}
"""Every field that callers can send."""
