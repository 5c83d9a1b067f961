"""The opportunity: the answer that callers read, and the draft and patch that they send.

Absent and null differ in a patch (RFC 7396): `model_fields_set` says what was sent.
"""

from collections.abc import ItemsView, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Self, get_args

from pydantic import ConfigDict, Field, WithJsonSchema, model_validator

from gateway.canonical.money import AMOUNT_PATTERN, TOLD_PATTERN, Period
from gateway.canonical.pipeline import Account, Contact, OpenStatus, Person, PipelineName, Stage
from gateway.canonical.pipeline import Status as StatusName
from gateway.canonical.schema import (
    Answer,
    CalendarDate,
    Instant,
    Percent,
    Probability,
    Request,
    open_enum,
)

MAX_CONTACTS = 100
"""More than any vendor keeps; a body full of them would hold up everybody else's requests."""

Json = Any
JsonObject = Annotated[dict[str, Json], WithJsonSchema({"type": "object"})]
Lists = Annotated[
    dict[str, tuple[Json, ...]],
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "array", "items": {}}}),
]


class Value(Answer):
    """What an opportunity is worth: major units as a decimal string, never a binary float."""

    amount: Annotated[str, Field(json_schema_extra={"pattern": TOLD_PATTERN})] | None
    currency: str | None
    period: Annotated[str, open_enum(*get_args(Period))]


class Warning(Answer):  # noqa: A001 - the contract's word (api.md 3)
    """Something that a caller should know about an answer that is otherwise a success."""

    code: Annotated[
        str,
        open_enum(
            "unsupported-field", "rounded", "side-effect", "unreadable-value",
            "cannot-be-read-back", "title-repeated", "reconstructed", "duplicate-detected",
        ),
    ]  # fmt: skip
    pointer: str | None
    detail: str


class Opportunity(Answer):
    """One sales opportunity, in the one language of this API (api.md 3)."""

    id: str
    connection: str
    vendor: str
    vendor_id: str
    etag: str
    vendor_url: str | None = None
    external_id: str | None = None
    name: str | None = None
    description: str | None = None
    value: Value | None = None
    probability: Percent | None = None
    status: OpenStatus | None = None
    stage: Stage | None = None
    pipeline: PipelineName | None = None
    owner: Person | None = None
    account: Account | None = None
    contacts: tuple[Contact, ...] = ()
    expected_close_date: CalendarDate | None = None
    closed_at: Instant | None = None
    lost_reason: str | None = None
    won_reason: str | None = None
    custom_fields: JsonObject = Field(default_factory=dict)
    vendor_fields: JsonObject = Field(default_factory=dict)
    archived: bool = False
    created_at: Instant | None = None
    updated_at: Instant | None = None
    stage_changed_at: Instant | None = None
    last_activity_at: Instant | None = None
    archived_at: Instant | None = None
    warnings: tuple[Warning, ...] = ()
    raw: JsonObject | None = None

    @classmethod
    def of(cls, fields: Mapping[str, Any], **more: Any) -> Self:
        """An opportunity of values that notations have read, which are not validated once more.

        The second time was an eighth of what it costs to read a record (make bench); instead, the
        law `reads-what-is-spoilt` holds every vendor to the model.
        """
        opportunity = cls.__new__(cls)
        object.__setattr__(opportunity, "__dict__", {**_UNTOLD, **fields, **more})
        object.__setattr__(opportunity, "__pydantic_fields_set__", {*fields, *more})
        object.__setattr__(opportunity, "__pydantic_extra__", None)
        object.__setattr__(opportunity, "__pydantic_private__", None)
        return opportunity

    def warned(self, *warnings: Warning) -> Self:
        """The same opportunity with more warnings."""
        if not warnings:
            return self
        return self.model_copy(update={"warnings": (*self.warnings, *warnings)})


_UNTOLD: Final = {
    name: member.get_default(call_default_factory=True)
    for name, member in Opportunity.model_fields.items()
}
"""Every member in its order, with what it is where nothing else is told of it."""


class ValueDraft(Request):
    """A value as a caller sends it; what is left out is the connection's, or stays as it is."""

    amount: Annotated[str, Field(pattern=AMOUNT_PATTERN)] | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    period: Period | None = None

    @model_validator(mode="after")
    def _spelled(self) -> Self:
        for name in ("currency", "period"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} cannot be cleared: leave it out")
        if self.amount is None and self.model_fields_set > {"amount"}:
            raise ValueError("amount is null, which clears the value: send nothing beside it")
        return self


class _OneOf(Request):
    """A reference by exactly one of its members."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(getattr(self, name) is not None for name in type(self).model_fields) != 1:
            names = " or ".join(type(self).model_fields)
            raise ValueError(f"exactly one of {names} is expected")
        return self


_ONE_MEMBER = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})
Name = Annotated[str, Field(min_length=1)]


class StageRef(_OneOf):
    """A stage by its id, or by its name within the pipeline."""

    model_config = _ONE_MEMBER
    id: Name | None = None
    name: Name | None = None


class PipelineRef(_OneOf):
    """A pipeline by its id or its name."""

    model_config = _ONE_MEMBER
    id: Name | None = None
    name: Name | None = None


class OwnerRef(_OneOf):
    """The person in charge, by id or e-mail address."""

    model_config = _ONE_MEMBER
    id: Name | None = None
    email: Name | None = None


class AccountRef(Request):
    """The account, by id."""

    id: Name


class ContactRef(Request):
    """A contact by id; or, where a vendor makes or finds one by them, by e-mail and phone."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})
    id: Name | None = None
    email: Name | None = None
    phone: Name | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.id is None) == (self.email is None and self.phone is None):
            raise ValueError("a contact is named by its id, or else by email and phone")
        return self


class _Write(Request):
    """The members that a create and an update share."""

    external_id: str | None = None
    name: str | None = None
    description: str | None = None
    value: ValueDraft | None = None
    probability: Probability | None = None
    status: StatusName | None = None
    stage: StageRef | None = None
    pipeline: PipelineRef | None = None
    owner: OwnerRef | None = None
    account: AccountRef | None = None
    contacts: Annotated[tuple[ContactRef, ...], Field(max_length=MAX_CONTACTS)] | None = None
    expected_close_date: CalendarDate | None = None
    closed_at: Instant | None = None
    lost_reason: str | None = None
    won_reason: str | None = None
    custom_fields: JsonObject | None = None
    vendor_fields: JsonObject | None = None
    vendor_options: JsonObject | None = None

    def sent(self) -> Sequence[tuple[str, Any]]:
        """The members that were sent, nulls included, in the order of the model."""
        sent = self.model_fields_set
        return [member for member in vars(self).items() if member[0] in sent]


class OpportunityDraft(_Write):
    """What `POST /v1/opportunities` takes."""

    connection: Name


class OpportunityPatch(_Write):
    """What PATCH takes: an RFC 7396 merge patch; absent is untouched, null clears."""

    custom_fields_add: Lists | None = None
    custom_fields_remove: Lists | None = None


class Change(Mapping[str, Any]):
    """A write whose references are ids and whose custom fields have the vendor's keys.

    Canonical field → its value; None clears. Values: `Money` for value, ids as strings for stage,
    pipeline and account, a `Person` or `{"email"}` as `OwnerRef` for owner, `ContactRef`s for
    contacts, `Decimal` for probability, the caller's own JSON for the rest.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = dict(fields)

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    # The mixin's own ways to these cost an exception for each name that is not there.

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def get(self, name: str, default: Any = None) -> Any:
        """What a field is changed to, or else the default."""
        return self._fields.get(name, default)

    def items(self) -> ItemsView[str, Any]:
        """The fields, in the order in which they were named."""
        return self._fields.items()

    def __repr__(self) -> str:
        """Names only: the values are personal data and may not reach a log by way of a repr."""
        return f"Change({', '.join(self._fields)})"

    def without(self, *names: str) -> "Change":
        """The change but for some fields."""
        return Change({name: value for name, value in self.items() if name not in names})

    def only(self, *names: str) -> "Change":
        """Some fields of the change."""
        return Change({name: value for name, value in self.items() if name in names})

    def also(self, **fields: Any) -> "Change":
        """The change with more fields, or others."""
        return Change({**self._fields, **fields})
