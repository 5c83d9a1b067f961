"""Stages, pipelines and statuses: nested objects, sibling keys, and what follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.canonical.capabilities import Can
from gateway.canonical.opportunity import PipelineRef, StageRef
from gateway.canonical.pipeline import PipelineName, Stage
from gateway.normalizer.notation import Context, Misfit, Notation, Reading, Record, Unreadable, View
from gateway.normalizer.references import Identity, TextId, misfit_of, text_of, texts
from gateway.normalizer.units import number


@dataclass(frozen=True, slots=True)
class NestedStage(Notation):
    """A stage that is read as an object and written as its id."""

    object_key: str
    write_key: str
    id: Identity = TextId()
    name: str = "name"
    order: str | None = None
    probability: str | None = None
    color: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.object_key, self.write_key)))

    def read(self, view: View, context: Context) -> Reading:
        stage = view.get(self.object_key)
        if stage is None:
            bare = view.get(self.write_key)
            found = None if bare is None else self.stage({"id": bare}, context)
            return Reading(found, (self.write_key,))
        if not isinstance(stage, dict):
            raise Unreadable(f"{self.object_key} is not an object")
        same = stage.get("id") == view.get(self.write_key)
        return Reading(self.stage(stage, context), (self.write_key,) if same else ())

    def stage(self, found: View, context: Context) -> Stage:
        """A stage as the vendor draws it, in a record or in a pipeline's list."""
        stage_id = self.id.read(found.get("id"))
        order = found.get(self.order) if self.order else None
        return Stage(
            id=stage_id,
            name=text_of(found, self.name),
            order=order if isinstance(order, int) else None,
            probability=number(found[self.probability])
            if self.probability and found.get(self.probability) is not None
            else None,
            status=context.stage_status.get(stage_id),
            color=text_of(found, self.color),
        )

    def misfit(self, value: StageRef | str, context: Context) -> Misfit | None:
        return misfit_of(self.id, value)

    def write(self, value: str, context: Context) -> Record:
        return {self.write_key: self.id.write(value)}

    def clear(self, context: Context) -> Record:
        return {self.write_key: None}


@dataclass(frozen=True, slots=True)
class SiblingStage(Notation):
    """A stage spread over sibling keys: its id, its label, its type."""

    id: str
    label: str
    type: str
    types: Mapping[str, str]
    """The vendor's word → status."""

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.id, self.label)

    def read(self, view: View, context: Context) -> Reading:
        stage_id = view.get(self.id)
        if stage_id is None:
            return Reading(None)
        if not isinstance(stage_id, str):
            raise Unreadable(f"{self.id} is not a text")
        stage = Stage(
            id=stage_id,
            name=text_of(view, self.label),
            status=self.types.get(text_of(view, self.type) or ""),
        )
        return Reading(stage, (self.id, *texts(view, self.label)))

    def write(self, value: str, context: Context) -> Record:
        return {self.id: value}

    def clear(self, context: Context) -> Record:
        return {self.id: None}

    def status(self) -> "StatusWord":
        """The row for the canonical status, which is one thing with this stage."""
        return StatusWord(self.type, self.types)


@dataclass(frozen=True, slots=True)
class StatusWord(Notation):
    """A status that the vendor says in a word, and that is written through a stage."""

    key: str
    words: Mapping[str, str]
    can: Can = field(
        default=Can(
            create="emulated", update="emulated", clear="unsupported",
            note="written through the one stage of that status in the pipeline",
        ),
        kw_only=True,
    )  # fmt: skip

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.key,)

    @property
    def through(self) -> str | None:
        return "stage"

    def read(self, view: View, context: Context) -> Reading:
        word = view.get(self.key)
        if word is None:
            return Reading(None, self.keys)
        if not isinstance(word, str) or word not in self.words:
            raise Unreadable(f"{self.key} is a status that has no canonical word")
        return Reading(self.words[word], self.keys)


@dataclass(frozen=True, slots=True)
class MappedStatus(Notation):
    """A status with a field of its own, in words that an option of the connection may map anew."""

    key: str
    words: Mapping[Any, str]
    """The vendor's word → status, unless the option says otherwise."""
    map_option: str

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.key,)

    def read(self, view: View, context: Context) -> Reading:
        word = view.get(self.key)
        if word is None:
            return Reading(None, self.keys)
        if not isinstance(word, str) or word not in self._words(context):
            raise Unreadable(
                f"{self.key} is a status that the option {self.map_option} does not map"
            )
        return Reading(self._words(context)[word])

    def misfit(self, value: str, context: Context) -> Misfit | None:
        if self.words_for(value, context):
            return None
        known = tuple(dict.fromkeys(self._words(context).values()))
        return Misfit(f"the option {self.map_option} has no word for {value}", known)

    def write(self, value: str, context: Context) -> Record:
        return {self.key: self.words_for(value, context)[0]}

    def words_for(self, status: str, context: Context) -> tuple[str, ...]:
        """The vendor's words for a status; the first is the one that is written."""
        return tuple(word for word, means in self._words(context).items() if means == status)

    def _words(self, context: Context) -> Mapping[str, str]:
        return context.option(self.map_option) or self.words


@dataclass(frozen=True, slots=True)
class StatusOfStage(Notation):
    """A status that follows from the connection's `stage_status`, written through a stage."""

    stage: NestedStage
    can: Can = field(
        default=Can(
            read="derived", create="emulated", update="emulated", clear="unsupported",
            note="from the connection's stage_status; written through the one stage of that status",
        ),
        kw_only=True,
    )  # fmt: skip

    @property
    def through(self) -> str | None:
        return "stage"

    def read(self, view: View, context: Context) -> Reading:
        stage = self.stage.read(view, context).value
        return Reading(stage.status if stage else None)


@dataclass(frozen=True, slots=True)
class NestedPipeline(Notation):
    """A pipeline that is read as an object or as sibling keys, and written as its id."""

    write_key: str
    object_key: str | None = None
    name_key: str | None = None
    id: Identity = TextId()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.write_key, self.object_key, self.name_key)))

    def read(self, view: View, context: Context) -> Reading:
        found = view.get(self.object_key) if self.object_key else None
        if isinstance(found, dict):
            name = PipelineName(id=self.id.read(found.get("id")), name=text_of(found, "name"))
            same = found.get("id") == view.get(self.write_key)
            return Reading(name, (self.write_key,) if same else ())
        raw = view.get(self.write_key)
        if raw is None:
            return Reading(None)
        pipeline = PipelineName(id=self.id.read(raw), name=text_of(view, self.name_key))
        return Reading(pipeline, (self.write_key, *texts(view, self.name_key)))

    def misfit(self, value: PipelineRef | str, context: Context) -> Misfit | None:
        return misfit_of(self.id, value)

    def write(self, value: str, context: Context) -> Record:
        return {self.write_key: self.id.write(value)}

    def clear(self, context: Context) -> Record:
        return {self.write_key: None}
