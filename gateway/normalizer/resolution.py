"""Resolution: names and addresses become ids, by the connection's catalogue (api.md 4).

Pure: what the catalogue does not hold is a fault, and the caller of `resolve` may try again with a
fresh catalogue.
"""

import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

from gateway.canonical.custom_fields import CustomField, misfit, misfit_of_one
from gateway.canonical.ids import pointer
from gateway.canonical.opportunity import Change, Opportunity, OwnerRef, PipelineRef, StageRef
from gateway.canonical.pipeline import Pipeline, Stage
from gateway.errors import (
    AmbiguousReference,
    Faults,
    UnknownCustomField,
    UnknownReference,
    ValidationFailed,
)
from gateway.normalizer.admission import CUSTOM_FIELD_MAPS, Admitted, Write
from gateway.normalizer.dialect import Dialect
from gateway.normalizer.notation import Context
from gateway.normalizer.references import SiblingPerson

_NAMED_BY = {"stage": "name", "pipeline": "name", "owner": "email"}


def needs_catalogue(admitted: Admitted, dialect: Dialect) -> bool:
    """Whether a write names something that only the catalogue can turn into an id, or check."""
    return any(_needs_catalogue(name, value, dialect) for name, value in admitted.fields.items())


def _needs_catalogue(name: str, value: Any, dialect: Dialect) -> bool:
    if name in CUSTOM_FIELD_MAPS or value is None:
        return name in CUSTOM_FIELD_MAPS
    if dialect.rows[name].through if name in dialect.rows else False:
        return True
    by = getattr(value, _NAMED_BY.get(name, ""), None)
    return by is not None and not _vendor_resolves(name, dialect)


def resolve(
    admitted: Admitted,
    dialect: Dialect,
    context: Context,
    action: Write,
    current: Opportunity | None = None,
) -> Change:
    """The change with ids for names. Raises `Rejected` with every reference that fails.

    `current` is the record as it is, where an update needs it (see `Vendor.reads_first`).
    """
    return _Resolution(admitted, dialect, context, action, current).change()


class _Resolution:
    def __init__(
        self,
        admitted: Admitted,
        dialect: Dialect,
        context: Context,
        action: Write,
        current: Opportunity | None,
    ) -> None:
        self.fields = dict(admitted.fields)
        self.spelled = admitted.spelled
        self.dialect = dialect
        self.context = context
        self.catalogue = context.catalogue
        self.action = action
        self.current = current
        self.faults = Faults()

    def change(self) -> Change:
        self._pipeline()
        self._stage()
        self._owner()
        for name in CUSTOM_FIELD_MAPS:
            self._custom_fields(name)
        self.faults.raise_if_any()
        return Change(self.fields)

    def _pipeline(self) -> None:
        ref = self.fields.get("pipeline")
        pipelines = self.catalogue.pipelines or ()
        if isinstance(ref, PipelineRef):
            self.fields["pipeline"] = (
                self._one("pipeline", ref.name, pipelines, _named)
                if ref.name is not None
                else self._known("pipeline", ref.id, pipelines)
            )

    def _stage(self) -> None:
        ref, status = self.fields.get("stage"), self.fields.get("status")
        if isinstance(ref, StageRef):
            self.fields["stage"] = (
                self._one("stage", ref.name, self._stages(), _named)
                if ref.name is not None
                else self._known("stage", ref.id, [s for _, s in self.catalogue.stages()])
            )
        if self.dialect.rows["status"].through != "stage" or status is None:
            return
        del self.fields["status"]
        if self.fields.get("stage") is None:
            self._stage_of(status)
        else:
            self._agree(status)

    def _known(self, name: str, wanted: str | None, things: Iterable[Any]) -> str | None:
        """An id, refused where the catalogue is complete and does not hold it."""
        everywhere = list(things)
        if self.catalogue.complete and all(thing.id != wanted for thing in everywhere):
            detail = f"no {name} of this connection has this id"
            self.faults.add(UnknownReference, f"/{name}/id", detail, _candidates(everywhere))
        return wanted

    def _stage_of(self, status: str) -> None:
        """The one stage of a status; a record that is in a stage of it stays put."""
        if self.current and self.current.status == status and self._stays():
            return
        fitting = [stage for stage in self._stages() if stage.status == status]
        if len(fitting) == 1:
            self.fields["stage"] = fitting[0].id
        elif fitting:
            detail = f"several stages mean {status}: name one as stage"
            self.faults.add(AmbiguousReference, "/status", detail, _candidates(fitting))
        else:
            detail = f"no stage of the pipeline is known to mean {status}"
            known = [stage for stage in self._stages() if stage.status]
            self.faults.add(UnknownReference, "/status", detail, _candidates(known))

    def _stays(self) -> bool:
        """Whether the record keeps its pipeline."""
        return "pipeline" not in self.fields or self.fields["pipeline"] == self._held()

    def _held(self) -> str | None:
        return self.current.pipeline.id if self.current and self.current.pipeline else None

    def _agree(self, status: str) -> None:
        wanted = self.fields["stage"]
        stage = self.catalogue.stage(wanted)
        means = stage.status if stage else None
        if means is None:
            detail = "which status the stage means is not known, so leave status out"
            self.faults.add(ValidationFailed, "/status", detail)
        elif means != status:
            detail = f"the stage means {means}, and the status says {status}"
            self.faults.add(ValidationFailed, "/status", detail, (means,))

    def _stages(self) -> list[Stage]:
        """The stages to look in: of the named pipeline, else the record's, else all."""
        named = self.fields.get("pipeline")
        wanted = named or self._held()
        pairs = list(self.catalogue.stages())
        within = [stage for pipeline, stage in pairs if pipeline.id == wanted]
        return within if within or named else [stage for _, stage in pairs]

    def _owner(self) -> None:
        ref = self.fields.get("owner")
        if not isinstance(ref, OwnerRef) or ref.email is None:
            return
        if _vendor_resolves("owner", self.dialect):
            return
        found = self._one("owner", ref.email, self.catalogue.users or (), lambda user: user.email)
        self.fields["owner"] = OwnerRef(id=found) if found else None

    def _one(
        self, name: str, wanted: str, among: Iterable[Any], label: Callable[[Any], str | None]
    ) -> str | None:
        """The id of the one thing of that name: exactly, else without case if that is unique."""
        things = list(among)
        matches = [thing for thing in things if _same(label(thing), wanted)]
        if not matches:
            matches = [thing for thing in things if _same(label(thing), wanted, fold=True)]
        where = pointer(name, _NAMED_BY[name])
        if len({thing.id for thing in matches}) == 1:
            found: str | None = matches[0].id
            return found
        if matches:
            detail = f"several are called {wanted!r}: name one by its id"
            self.faults.add(AmbiguousReference, where, detail, _candidates(matches))
        else:
            detail = f"no {name} is called {wanted!r} on this connection"
            self.faults.add(UnknownReference, where, detail, _candidates(things))
        return None

    def _custom_fields(self, name: str) -> None:
        if values := self.fields.get(name):
            for key, value in values.items():
                self._custom_field(name, key, value)

    def _custom_field(self, name: str, key: str, value: Any) -> None:
        if self.catalogue.custom_fields is None:
            return
        definition = self.catalogue.field(key)
        if definition is None:
            known = [field.key for field in self.catalogue.custom_fields]
            detail = "the connection has no such custom field"
            self.faults.add(UnknownCustomField, self._where(name, key), detail, known)
        elif wrong := self._wrong(self._open(definition), name, value):
            where = self._where(name, key)
            self.faults.add(ValidationFailed, where, wrong, definition.choices or ())

    def _where(self, name: str, key: str) -> str:
        """Where a custom field stands in the body, by the name that the caller has for it."""
        return pointer(name, self.spelled[key])

    def _open(self, definition: CustomField) -> CustomField:
        """The definition without its choices where the caller asks for new ones."""
        if (self.fields.get("vendor_options") or {}).get("allow_new_options"):
            return definition.model_copy(update={"choices": None})
        return definition

    @staticmethod
    def _wrong(definition: CustomField, name: str, value: Any) -> str | None:
        if name == "custom_fields":
            return misfit(definition, value)
        if not definition.multiple:
            return "the field holds a single value: set it with custom_fields"
        if name == "custom_fields_remove":
            return None  # a value that was retired can still be taken out
        members = filter(None, (misfit_of_one(definition, member) for member in value))
        return next(members, None)


def _vendor_resolves(name: str, dialect: Dialect) -> bool:
    row = dialect.rows.get(name)
    return isinstance(row, SiblingPerson) and row.match is not None


def _named(thing: Pipeline | Stage) -> str | None:
    return thing.name


def _same(label: str | None, wanted: str, *, fold: bool = False) -> bool:
    """Names match after NFC and trimming."""
    if label is None:
        return False
    ours, theirs = (unicodedata.normalize("NFC", text).strip() for text in (wanted, label))
    return ours.casefold() == theirs.casefold() if fold else ours == theirs


def _candidates(things: Iterable[Any]) -> list[dict[str, Any]]:
    """What a caller may choose from, with the names that tell them apart."""
    return [
        {name: getattr(thing, name) for name in ("id", "name", "email") if hasattr(thing, name)}
        for thing in things
    ]
