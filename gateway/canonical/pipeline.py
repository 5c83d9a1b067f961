"""Pipelines, stages and people: what an opportunity refers to, and the catalogue of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal, get_args

from gateway.canonical.custom_fields import CustomField
from gateway.canonical.schema import Answer, Percent, open_enum

Status = Literal["open", "on_hold", "won", "lost"]
STATUSES: tuple[str, ...] = get_args(Status)
OpenStatus = Annotated[str, open_enum(*STATUSES)]


class Stage(Answer):
    """A step of a pipeline; all but the id may be unknown."""

    id: str
    name: str | None = None
    order: int | None = None
    probability: Percent | None = None
    status: OpenStatus | None = None
    color: str | None = None


class PipelineName(Answer):
    """The pipeline that an opportunity is in."""

    id: str
    name: str | None = None


class Pipeline(Answer):
    """A pipeline with its stages in order; the id is null where the vendor has a single one."""

    id: str | None
    name: str | None = None
    stages: tuple[Stage, ...] = ()


class Person(Answer):
    """The person in charge of an opportunity, or one who could be."""

    id: str
    name: str | None = None
    email: str | None = None


class Account(Answer):
    """The household, lead or account that an opportunity belongs to."""

    id: str
    name: str | None = None


class Contact(Answer):
    """A person on the customer's side; the id is null where the vendor shows only the address."""

    id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What a connection offers to refer to. None means that the vendor cannot list it."""

    pipelines: tuple[Pipeline, ...] | None = None
    users: tuple[Person, ...] | None = None
    custom_fields: tuple[CustomField, ...] | None = None
    currency: str | None = None
    """The currency of the vendor's account, where the vendor says it."""
    writable: frozenset[tuple[str, str]] | None = None
    """(vendor field, "create" or "update") where the vendor itself says what can be written."""
    filterable: frozenset[tuple[str, str]] | None = None
    """(vendor field, operator) where the vendor itself says what narrows a list."""
    sortable: frozenset[str] | None = None
    """Vendor fields where the vendor itself says what puts a list in order."""
    complete: bool = False
    """Whether no stage exists that `pipelines` does not hold."""
    known: bool = False
    """Whether the vendor was asked: what is missing from a catalogue that is not known is no
    finding."""

    def stages(self) -> Iterator[tuple[Pipeline, Stage]]:
        """Every stage with its pipeline, in order."""
        for pipeline in self.pipelines or ():
            for stage in pipeline.stages:
                yield pipeline, stage

    def lets(self, vendor_key: str, action: str) -> bool:
        """Whether a field can be written, as far as the vendor itself says."""
        return self.writable is None or (vendor_key, action) in self.writable

    def field(self, vendor_key: str) -> CustomField | None:
        """The definition of a custom field by the vendor's key."""
        return self._definitions.get(vendor_key)

    def stage(self, stage_id: str | None) -> Stage | None:
        """A stage by its id; of several pipelines' the first."""
        placed = self._placed.get(stage_id or "")
        return placed[1] if placed else None

    def pipeline_of(self, stage_id: str) -> str | None:
        """The id of the pipeline that a stage is in, if the catalogue knows the stage."""
        placed = self._placed.get(stage_id)
        return placed[0].id if placed else None

    @cached_property
    def _definitions(self) -> Mapping[str, CustomField]:
        """By the vendor's key, the first of those that share one."""
        return {each.vendor_key: each for each in reversed(self.custom_fields or ())}

    @cached_property
    def _placed(self) -> Mapping[str, tuple[Pipeline, Stage]]:
        """By the stage's id, the first of those that share one."""
        return {placed[1].id: placed for placed in reversed([*self.stages()])}


def merged(pipelines: Iterable[Pipeline]) -> tuple[Pipeline, ...]:
    """Pipelines by id, a later sight of one replacing the earlier."""
    return tuple({pipeline.id: pipeline for pipeline in pipelines}.values())
