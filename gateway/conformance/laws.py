"""The laws themselves: what has to be true of a vendor, by the cells that it declares."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from gateway.canonical.capabilities import SUPPORTS, WRITES
from gateway.canonical.opportunity import Opportunity
from gateway.canonical.query import FILTERS, SORTS
from gateway.conformance.meanings import DRAWS, JSON, WORDS, shows
from gateway.conformance.subject import Subject
from gateway.errors import (
    OpportunityNotFound,
    Partial,
    Rejected,
    VendorError,
    VendorNotFound,
    VendorNotTaken,
    VendorRefused,
)
from gateway.normalizer.admission import Write
from gateway.normalizer.dialect import FIELDS, Dialect
from gateway.normalizer.notation import Context
from gateway.normalizer.sameness import Sight, targets
from gateway.translator import Vendor, VendorResponse

Way = Callable[[Mapping[str, Any]], Opportunity]
"""A write, still without its body."""

TOLD = (Rejected, VendorRefused, VendorNotTaken, Partial)
"""The ways to say that a value was not taken; a vendor's file may choose any but silence."""
OFTENER = 5
"""How much more is drawn where a try costs no call, and less where it costs many."""
SEARCHED = 300
"""How many values are tried before a cell counts as one that takes none."""
UNFIELDED = {"etag", "vendor_fields", "warnings", "raw"}
"""Members of an answer that are no fields of the opportunity."""


@dataclass(frozen=True, slots=True)
class Law:
    """One law: called with a vendor on trial, it raises AssertionError where the vendor breaks it.

    A law writes, so each deserves a fresh fake.
    """

    name: str
    holds: Callable[[Subject], None]

    def __str__(self) -> str:
        """The law's name, which is a test's id."""
        return self.name

    def __call__(self, subject: Subject) -> None:
        """Puts the vendor to the test."""
        self.holds(subject)


def laws(vendor: Vendor, context: Context, examples: int = 25) -> list[Law]:
    """Every law that concerns a connection; `examples` are drawn for each field and operation."""
    return [
        Law("speaks-the-language", _speaks_the_language),
        Law("understands-any-refusal", partial(_understands_any_refusal, examples=examples)),
        Law("reads-what-is-spoilt", partial(_reads_what_is_spoilt, examples=examples * OFTENER)),
        Law("lists-as-it-gets", _lists_as_it_gets),
        Law("misses-what-is-not-there", _misses_what_is_not_there),
        *(law for name in DRAWS for law in _laws_of(vendor.dialect, context, name, examples)),
    ]


def _laws_of(dialect: Dialect, context: Context, name: str, examples: int) -> Iterator[Law]:
    can = dialect.can(name, context)
    actions: list[Write] = [action for action in ("create", "update") if can.does(action)]
    if actions and can.does("read") and dialect.written_as(name) == name:
        spells = partial(_spells, name=name, action=actions[-1], examples=examples * OFTENER)
        yield Law(f"spells-{name}", spells)
    for action in actions:
        keeps = partial(_keeps, name=name, action=action, examples=examples)
        yield Law(f"keeps-{name}-on-{action}", keeps)
    if can.does("update"):
        leaves = partial(_leaves_the_rest, name=name, examples=-(-examples // OFTENER))
        yield Law(f"leaves-the-rest-beside-{name}", leaves)
    if can.does("clear"):
        yield Law(f"clears-{name}", partial(_clears, name=name))


def _speaks_the_language(subject: Subject) -> None:
    """Capabilities are in the words of api.md 8, of the vendor as of the connection."""
    for context in (None, subject.bare, subject.context):
        told = subject.vendor.capabilities(context)
        cells = [*told.fields.values(), *told.vendor_fields.values()]
        words = {getattr(cell, action) for cell in cells for action in ("create", "update")}
        words |= {
            getattr(can, action) for can in told.fields.values() for action in ("read", "clear")
        }
        words |= {*told.operations.model_dump().values(), told.listing.include_archived}
        words |= {*told.listing.filters.values(), *told.listing.sorts.values()}
        assert words <= set(SUPPORTS), words
        assert told.listing.filters.keys() <= set(FILTERS), told.listing
        assert told.listing.sorts.keys() <= set(SORTS), told.listing
        for effect in told.side_effects:
            assert {*effect.of} <= {*FIELDS, "vendor_fields", "*"}, effect
            assert {*effect.on} <= {*WRITES}, effect
            named = {name.partition(".")[0] for name in effect.fields}
            assert named <= {*FIELDS, "vendor_fields"}, effect


def _understands_any_refusal(subject: Subject, examples: int) -> None:
    """No body of a refusal trips the translator up, and a breakdown is never taken for a no."""
    translator = subject.vendor.translator(subject.context)

    @_drawing(examples)
    @given(st.sampled_from((400, 401, 402, 404, 409, 418, 422, 429, 500, 503)), JSON)
    def holds(status: int, body: Any) -> None:
        error = translator.error(VendorResponse(status=status, json=body))
        assert isinstance(error, VendorError), error
        assert error.reply is not None, "what the vendor said is not told"
        assert error.reply.status == status, error.reply
        assert status < 500 or not isinstance(error, VendorRefused), "a breakdown is no refusal"

    holds()


def _reads_what_is_spoilt(subject: Subject, examples: int) -> None:
    """A member that is not what the vendor's pages promise costs its own field and is kept.

    What is read is of the model, which no answer is validated against (`Opportunity.of`).
    """
    dialect, context = subject.dialect, subject.context
    envelope, id_key = dialect.envelope, dialect.id_key
    custom = {f"/{name}": context.alias(key) for key, name in dialect.reserved(context).items()}
    members = max((envelope.open(record.raw or {}) for record in subject.records), key=len)

    @_drawing(examples)
    @given(st.sampled_from(sorted(members.keys() - {id_key})), JSON)
    def holds(key: str, value: Any) -> None:
        spoilt = {id_key: members[id_key], **envelope.close({**members, key: value})}
        read = dialect.read(spoilt, context)
        assert Opportunity.model_validate(dict(read)) == read, "the answer is not of its model"
        for lost in (each.pointer for each in read.warnings if each.code == "unreadable-value"):
            kept = key in read.vendor_fields or custom.get(lost or "") in read.custom_fields
            assert kept, f"{lost}: {key} is neither read nor kept"

    holds()


def _lists_as_it_gets(subject: Subject) -> None:
    """A list shows records as a look at each alone does, and page by page the same ones."""
    for record in subject.standing:
        assert _told(subject.get(record.vendor_id)) == _told(record), record.id
    if subject.vendor.operations.list == "unsupported":
        return
    wanted = [record.id for record in subject.page(6).items]
    first = subject.page(3)
    second = subject.page(3, first.next).items if first.next is not None else ()
    paged = [record.id for record in (*first.items, *second)]
    assert paged == wanted, f"{paged} in two pages, {wanted} in one"


def _told(record: Opportunity) -> Mapping[str, Any]:
    return record.model_dump(exclude={"raw"})


def _misses_what_is_not_there(subject: Subject) -> None:
    """An id that no record has is not found, by the vendor's word or because it cannot be one."""
    strange = subject.records[0].vendor_id * 3
    try:
        subject.get(strange)
    except (VendorNotFound, OpportunityNotFound):
        return
    raise AssertionError(f"{strange} was found")


def _spells(subject: Subject, name: str, action: Write, examples: int) -> None:
    """read(write(x)) == x, or a refusal, where the field is read whole from what is written.

    Where it is not, as ids are written and objects read, only the vendor in hand can tell.
    """

    @_drawing(examples)
    @given(DRAWS[name](subject))
    def holds(sent: Any) -> None:
        try:
            change = subject.change(action, {name: sent}).only(name)
        except Rejected:
            return
        body = subject.dialect.write(change, subject.context)
        read = subject.dialect.read({subject.dialect.id_key: "1", **body}, subject.context)
        assert not _holds_a_float(body), f"{body} holds a binary float"
        if not subject.dialect.envelope.open(body).keys() & read.vendor_fields.keys():
            assert shows(name, sent, getattr(read, name)), f"{body} is read as {read}"

    holds()


def _keeps(subject: Subject, name: str, action: Write, examples: int) -> None:
    """The same of a whole operation: its answer and the next reading show what was sent.

    A refusal is as good, unless everything is refused; an `undocumented` cell may do even that.
    """
    can = subject.can(name)
    draws = WORDS if can.reads_back == "normalized" else DRAWS[name](subject)
    cases = st.tuples(draws, st.sampled_from(_ways(subject, name, action)))
    taken: list[Any] = []

    def keeps(case: tuple[Any, Way]) -> bool:
        sent, write = case
        try:
            answer = write({name: sent})
        except TOLD:
            return False
        finally:
            assert not any(_holds_a_float(call.json) for call in subject.calls), subject.calls
        _shows(subject, name, sent, answer)
        _proves(subject, action, name, sent, answer)
        taken.append(sent)
        return True

    @_drawing(examples)
    @given(cases)
    def holds(case: tuple[Any, Way]) -> None:
        keeps(case)

    holds()
    if not taken and getattr(can, action) != "undocumented":
        search = settings(_drawing(SEARCHED), phases=[Phase.generate])
        try:
            find(cases, keeps, settings=search)
        except NoSuchExample:
            said = f"{name} says {getattr(can, action)} on {action}"
            raise AssertionError(f"{said}, and every value was refused") from None


def _ways(subject: Subject, name: str, action: Write) -> list[Way]:
    """Records to update, one of each status; a create alone, in each pipeline, in a few stages."""
    if action == "update":
        return [partial(subject.update, record) for record in subject.standing]
    catalogue = subject.context.catalogue
    stages = {stage.status: stage.id for _, stage in catalogue.stages()}
    places = [("pipeline", pipeline.id) for pipeline in catalogue.pipelines or ()]
    places += [("stage", stage_id) for stage_id in stages.values()]
    besides = [
        {field: {"id": known}}
        for field, known in places
        if known and subject.can(field).does("create")
    ]
    return [partial(subject.create, beside=each) for each in ({}, *besides) if name not in each]


def _shows(subject: Subject, name: str, sent: Any, answer: Opportunity) -> None:
    """The answer of a write and the reading after it agree, and hold what was sent.

    Where the vendor shows nothing of it, now or ever, a warning has to say so.
    """
    told = {(warning.code, warning.pointer) for warning in answer.warnings}
    if ("cannot-be-read-back", f"/{name}") in told:
        return
    never = subject.can(name).reads_back == "never" or not subject.can(name).does("read")
    assert not never, f"{name} is stored, and nothing says that it cannot be read back"
    again = subject.get(answer.vendor_id)
    assert again.etag == answer.etag, "the write and the next reading have different versions"
    for shown in (answer, again):
        assert shows(name, sent, getattr(shown, name)), shown
        assert not _holds_a_float(shown.model_dump()), shown


def _proves(subject: Subject, action: Write, name: str, sent: Any, answer: Opportunity) -> None:
    """A record that holds what was sent is never taken for one that does not, on any later look."""
    change = subject.change(action, {name: sent}, answer).only(name)
    sight = Sight(answer.raw or {}, subject.dialect, subject.context)
    missed = [target.pointer for target in targets(change) if sight.has(target) is False]
    assert not missed, f"{missed} of {sent} cannot be seen in {answer}"


def _leaves_the_rest(subject: Subject, name: str, examples: int) -> None:
    """An update of one field changes that, and what the vendor's side effects name beside it."""
    effects = [each for each in subject.vendor.side_effects if each.follows("update", (name,))]
    may = {name, *UNFIELDED, *(field for effect in effects for field in effect.fields)}

    @_drawing(examples)
    @given(DRAWS[name](subject), st.sampled_from(subject.standing))
    def holds(sent: Any, record: Opportunity) -> None:
        before = subject.get(record.vendor_id).model_dump()
        try:
            subject.update(record, {name: sent})
        except TOLD as told:
            may_differ = isinstance(told, (VendorNotTaken, Partial))
        else:
            may_differ = True
        after = subject.get(record.vendor_id).model_dump()
        changed = {field for field in after if after[field] != before[field]}
        assert changed <= (may if may_differ else set()), f"{changed - may} changed beside {name}"

    holds()


def _clears(subject: Subject, name: str) -> None:
    """A null leaves nothing behind, or is refused; one record at least is cleared."""
    cleared = 0
    for listed in subject.standing:
        record = subject.get(listed.vendor_id)
        nulls = dict.fromkeys(record.custom_fields) if name == "custom_fields" else None
        try:
            answer = subject.update(record, {name: nulls})
        except TOLD:
            continue
        cleared += 1
        for shown in (answer, subject.get(answer.vendor_id)):
            assert getattr(shown, name) in (None, "", (), {}), shown
    assert cleared, f"{name} says {subject.can(name).clear} on clear, and every null was refused"


def _holds_a_float(value: Any) -> bool:
    """Whether a binary float stands anywhere in a JSON value."""
    if isinstance(value, Mapping):
        return any(map(_holds_a_float, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_holds_a_float, value))
    return isinstance(value, float)


def _drawing(examples: int) -> settings:
    """How Hypothesis draws: it neither times the vendor nor minds what a strategy leaves out."""
    quiet = (HealthCheck.too_slow, HealthCheck.filter_too_much)
    return settings(max_examples=examples, deadline=None, suppress_health_check=quiet)
