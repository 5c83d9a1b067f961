"""How Reevo takes a value and how it shows one: scalars in, envelopes out (reevo.md 4, 5)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any

from gateway.canonical import json_text
from gateway.sandbox import reevo_seed as seed
from gateway.sandbox.reevo_attributes import Attribute

Json = dict[str, Any]

UNIQUE_FIELDS = {"user": "email", "account": "domain_name", "contact": "primary_email"}
"""What a reference can be matched by (reevo.md 5)."""

STAGE_MEMBERS = (
    "id",
    "display_value",
    "api_name",
    "color",
    "closing_probability",
    "expected_days",
)

_EXACT = Context(prec=800)


class Wrong(Exception):
    """What the vendor finds wrong: one of its codes, a sentence, and the field meant (11)."""

    def __init__(self, code: str, message: str, about: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.about = about


@dataclass(slots=True)
class Values:
    """Values by the workspace's own people, stages and choices, and by the switches as they are."""

    switches: Mapping[str, Any]
    tables: dict[str, dict[str, Json]] = field(default_factory=seed.tables)
    stages: dict[str, Json] = field(default_factory=seed.stages)
    choices: dict[str, dict[str, Json]] = field(default_factory=seed.options)

    def take(self, attribute: Attribute, value: Any) -> Any:
        """The stored form of a raw or an enveloped value; raises `Wrong`."""
        content = _unwrapped(attribute, value)
        if content is None:
            if not attribute.nullable:
                raise _invalid(attribute, "cannot be empty")
            return [] if attribute.is_array else None
        if not attribute.is_array:
            return self.take_one(attribute, content)
        if not isinstance(content, list):
            raise _invalid(attribute, "takes a list of values")
        return [self.take_one(attribute, _unwrapped(attribute, each)) for each in content]

    def take_one(self, attribute: Attribute, value: Any) -> Any:
        """The stored form of one value without its envelope; raises `Wrong`."""
        try:
            if attribute.value_type == "record_reference":
                return self._reference(attribute, value)
            if attribute.value_type == "opportunity_stage":
                return self._choice(self.stages, value)
            if attribute.value_type == "select":
                return self._choice(self.choices[attribute.api_name], value)
            if attribute.value_type == "currency":
                return self._money(value)
            return _TAKERS[attribute.value_type](value)
        except ValueError as error:
            raise _invalid(attribute, str(error)) from None

    def show(self, attribute: Attribute, stored: Any) -> Any:
        """The envelope of a stored value, or an array of them; how emptiness looks is open (4)."""
        if stored not in (None, []):
            if attribute.is_array:
                return [self._envelope(attribute, each) for each in stored]
            return self._envelope(attribute, stored)
        if self.switches["empty_attributes"] == "null":
            return None
        return [] if attribute.is_array else {"value": None, "value_type": attribute.value_type}

    def probability(self, stage: Json) -> str:
        """A stage's closing probability: a string of undocumented scale (4.1)."""
        percent = Decimal(stage["closing_probability"])
        fraction = self.switches["closing_probability"] == "fraction"
        return json_text.plain((percent / 100 if fraction else percent).normalize())

    def forecast(self, amount: str | None, stage_id: str) -> str | None:
        """The weighted amount, which follows from the amount and the stage (4.1)."""
        if amount is None:
            return None
        percent = Decimal(self.stages[stage_id]["closing_probability"])
        return _two_decimals(_EXACT.multiply(Decimal(amount), percent / 100).normalize(_EXACT))

    def _envelope(self, attribute: Attribute, stored: Any) -> Json:
        return {"value": self._shown(attribute, stored), "value_type": attribute.value_type}

    def _shown(self, attribute: Attribute, stored: Any) -> Any:
        match attribute.value_type:
            case "record_reference":
                return {"related_record_id": stored, "related_record_type": attribute.refers_to}
            case "opportunity_stage":
                stage = self.stages[stored] | {
                    "closing_probability": self.probability(self.stages[stored])
                }
                return {name: stage[name] for name in STAGE_MEMBERS}
            case "select":
                return dict(self.choices[attribute.api_name][stored])
            case "currency":
                return {"amount": stored}
            case _:
                return stored

    def _choice(self, choices: Mapping[str, Json], value: Any) -> str:
        """By id, api name or display value, where that means one (5)."""
        if isinstance(value, dict) and self.switches["choice_objects"] == "take":
            value = value.get("id")
        if not isinstance(value, str):
            raise ValueError("takes an id or a name")  # noqa: TRY004 - the vendor's word
        if value in choices:
            return value
        found = _one_of(choices.values(), value, ("api_name", "display_value"))
        if len(found) != 1:
            raise ValueError(f"{value!r} means {len(found) or 'none'} of the choices")
        return found[0]

    def _reference(self, attribute: Attribute, value: Any) -> str:
        """By id, or by a unique field of the target (5)."""
        kind = attribute.refers_to or ""
        if isinstance(value, dict) and value.keys() == {"related_record_match"}:
            return self._matched(kind, value["related_record_match"], attribute.api_name)
        if isinstance(value, dict):
            if value.get("related_record_type", kind) != kind:
                raise ValueError(f"refers to a {kind}")
            value = value.get("related_record_id")
        if not isinstance(value, str):
            raise ValueError("takes an id or a related_record_match")  # noqa: TRY004 - as above
        if value not in self.tables[kind]:
            raise Wrong("target_record_not_found", f"No {kind} has this id", attribute.api_name)
        return value

    def _matched(self, kind: str, match: Any, name: str) -> str:
        unique = UNIQUE_FIELDS.get(kind)
        if not isinstance(match, dict) or list(match) != [unique]:
            raise Wrong("invalid_matching_field", f"A {kind} is matched by {unique}", name)
        found = _one_of(self.tables[kind].values(), match[unique], (str(unique),))
        if not found:
            raise Wrong("target_record_not_found", f"No {kind} matches", name)
        if len(found) > 1:
            raise Wrong("ambiguous_match", f"{len(found)} records match", name)
        return found[0]

    def _money(self, value: Any) -> str:
        """A decimal string; scale and rounding are documented nowhere (9)."""
        if isinstance(value, dict) and value.keys() == {"amount"}:
            value = value["amount"]
        amount = Decimal(_number(value))
        digits = self.switches["amount_digits"]
        if digits is not None:
            unit = Decimal(1).scaleb(-digits)
            amount = amount.quantize(unit, rounding=ROUND_HALF_EVEN, context=_EXACT)
        return _two_decimals(amount)


def moment(value: Any) -> datetime:
    """An ISO 8601 date-time with a zone; raises `ValueError`."""
    found = datetime.fromisoformat(_text(value)) if "T" in _text(value) else None
    if found is None or found.tzinfo is None:
        raise ValueError("takes an ISO 8601 date-time with a zone")
    return found.astimezone(UTC)


def stamp(at: datetime) -> str:
    """A date-time as the vendor writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _unwrapped(attribute: Attribute, value: Any) -> Any:
    """The content of an envelope, or the raw value itself; raises `Wrong`.

    Several values are several envelopes: one around a list is none (reevo.md 4).
    """
    if not isinstance(value, dict) or not {"value"} <= value.keys() <= {"value", "value_type"}:
        return value
    if value.get("value_type", attribute.value_type) != attribute.value_type:
        raise _invalid(attribute, f"is a {attribute.value_type}")
    if isinstance(value["value"], list):
        raise _invalid(attribute, "takes one value in an envelope")
    return value["value"]


def _invalid(attribute: Attribute, sentence: str) -> Wrong:
    name = attribute.api_name
    return Wrong("field_value_invalid", f"{name} {sentence}", name)


def _one_of(rows: Iterable[Json], wanted: Any, members: tuple[str, ...]) -> list[str]:
    return [row["id"] for row in rows if any(row[member] == wanted for member in members)]


def _two_decimals(amount: Decimal) -> str:
    whole, _, fraction = json_text.plain(amount).partition(".")
    return f"{whole}.{fraction:0<2}"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("takes text")  # noqa: TRY004 - the vendor's word
    return value


def _number(value: Any) -> int | Decimal:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    try:
        number = Decimal(_text(value))
    except (InvalidOperation, ValueError):
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError("takes a number")
    return number


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("takes true or false")  # noqa: TRY004 - the vendor's word
    return value


def _day(value: Any) -> str:
    return date.fromisoformat(_text(value)).isoformat()


_TAKERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("string", "long_text", "rich_text", "url", "enum", "uuid"), _text),
    **dict.fromkeys(("number", "percent"), _number),
    "boolean": _boolean,
    "date": _day,
    "timestamp": lambda value: stamp(moment(value)),
}
