"""References: ids as vendors count them, and the people and accounts behind them."""

from dataclasses import dataclass
from typing import Any, Protocol

from gateway.canonical.opportunity import ContactRef, OwnerRef
from gateway.canonical.pipeline import Account, Contact, Person
from gateway.errors import UnknownReference
from gateway.normalizer.notation import Context, Misfit, Notation, Reading, Record, Unreadable, View


class Identity(Protocol):
    """How a vendor writes an id; callers see a string everywhere."""

    def read(self, raw: Any) -> str:
        """The id as a string. Raises `Unreadable`."""

    def misfit(self, text: str) -> Misfit | None:
        """Why the vendor cannot have such an id, told without a call."""

    def write(self, text: str) -> Any:
        """The id as the vendor writes it."""


@dataclass(frozen=True, slots=True)
class TextId:
    """An opaque string."""

    def read(self, raw: Any) -> str:
        if not isinstance(raw, str) or not raw:
            raise Unreadable("an id is missing")
        return raw

    def misfit(self, text: str) -> Misfit | None:
        return None

    def write(self, text: str) -> Any:
        return text


@dataclass(frozen=True, slots=True)
class NumericId:
    """A positive integer; one record has one spelling, so leading zeros make no id."""

    def read(self, raw: Any) -> str:
        if isinstance(raw, bool) or not isinstance(raw, int):
            raise Unreadable("an id is missing")
        return str(raw)

    def misfit(self, text: str) -> Misfit | None:
        if text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= MAX_ID_DIGITS:
            return None
        return Misfit("the vendor's ids are numbers", kind=UnknownReference)

    def write(self, text: str) -> Any:
        return int(text)


MAX_ID_DIGITS = 18
TEXT_OR_NONE = (str, type(None))


@dataclass(frozen=True, slots=True)
class RecordReference:
    """A reference that is read as `{"related_record_id": id, …}` and written as the id."""

    member: str = "related_record_id"

    def read(self, raw: Any) -> str:
        return TextId().read(raw.get(self.member) if isinstance(raw, dict) else raw)

    def misfit(self, text: str) -> Misfit | None:
        return None

    def write(self, text: str) -> Any:
        return text


def misfit_of(identity: Identity, named: Any) -> Misfit | None:
    """Why a reference, or an id by itself, cannot be the vendor's; a name is judged elsewhere."""
    text = named if isinstance(named, str) else named.id
    return None if text is None else identity.misfit(text)


def text_of(found: View, key: str | None) -> str | None:
    """A text under a key that may be missing or hold something else."""
    value = found.get(key) if key else None
    return value if isinstance(value, str) else None


def texts(found: View, *keys: str | None) -> tuple[str, ...]:
    """Those of the keys that hold a text or nothing, so that a canonical text holds them whole."""
    return tuple([key for key in keys if key and isinstance(found.get(key), TEXT_OR_NONE)])


def full_name(found: View, first: str, last: str) -> str | None:
    """First and last name in one, None where there is neither."""
    return " ".join(filter(None, (text_of(found, first), text_of(found, last)))) or None


@dataclass(frozen=True, slots=True)
class NestedPerson(Notation):
    """A person read as an object with first and last name, written as an id."""

    object_key: str
    write_key: str | None = None
    first: str = "first_name"
    last: str = "last_name"
    id: Identity = TextId()
    aliases: tuple[str, ...] = ()
    """Other names of `write_key` at the vendor, never sent."""

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.object_key, self.write_key, *self.aliases)))

    def read(self, view: View, context: Context) -> Reading:
        found = view.get(self.object_key)
        if found is None:
            return Reading(None)
        if not isinstance(found, dict):
            raise Unreadable(f"{self.object_key} is not an object")
        return Reading(self.person(found))

    def person(self, found: View) -> Person:
        """A person as the vendor draws it, in a record or in a list of users."""
        return Person(
            id=self.id.read(found.get("id")),
            name=full_name(found, self.first, self.last),
            email=text_of(found, "email"),
        )

    def misfit(self, value: OwnerRef, context: Context) -> Misfit | None:
        return self.id.misfit(value.id) if value.id is not None else None

    def write(self, value: OwnerRef, context: Context) -> Record:
        return {self.write_key: self.id.write(value.id or "")} if self.write_key else {}

    def clear(self, context: Context) -> Record:
        return {self.write_key: None} if self.write_key else {}


@dataclass(frozen=True, slots=True)
class SiblingPerson(Notation):
    """A person as an id with a name beside it; `match` names the vendor's look-up by e-mail."""

    key: str
    name_key: str | None = None
    id: Identity = TextId()
    match: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.key, self.name_key)))

    def read(self, view: View, context: Context) -> Reading:
        raw = view.get(self.key)
        if raw is None:
            return Reading(None)
        person = Person(id=self.id.read(raw), name=text_of(view, self.name_key))
        return Reading(person, _whole(view, self.key, self.name_key))

    def misfit(self, value: OwnerRef, context: Context) -> Misfit | None:
        return self.id.misfit(value.id) if value.id is not None else None

    def write(self, value: OwnerRef, context: Context) -> Record:
        if value.id is None and self.match:
            return {self.key: {self.match: {"email": value.email}}}
        return {self.key: self.id.write(value.id or "")}

    def clear(self, context: Context) -> Record:
        return {self.key: None}


@dataclass(frozen=True, slots=True)
class SiblingAccount(Notation):
    """An account as an id, with a name beside it where the vendor shows one."""

    key: str
    name_key: str | None = None
    id: Identity = TextId()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.key, self.name_key)))

    def read(self, view: View, context: Context) -> Reading:
        raw = view.get(self.key)
        if raw is None:
            return Reading(None, (self.key,))
        account = Account(id=self.id.read(raw), name=text_of(view, self.name_key))
        return Reading(account, _whole(view, self.key, self.name_key))

    def misfit(self, value: str, context: Context) -> Misfit | None:
        return self.id.misfit(value)

    def write(self, value: str, context: Context) -> Record:
        return {self.key: self.id.write(value)}

    def clear(self, context: Context) -> Record:
        return {self.key: None}


@dataclass(frozen=True, slots=True)
class OneContact(Notation):
    """A single contact by id; an empty list clears it."""

    key: str
    name_key: str | None = None
    id: Identity = TextId()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.key, self.name_key)))

    def read(self, view: View, context: Context) -> Reading:
        raw = view.get(self.key)
        if raw is None:
            return Reading((), (self.key,))
        contact = Contact(id=self.id.read(raw), name=text_of(view, self.name_key))
        return Reading((contact,), _whole(view, self.key, self.name_key))

    def misfit(self, value: tuple[ContactRef, ...], context: Context) -> Misfit | None:
        if len(value) > 1:
            return Misfit("the vendor keeps one contact", at=("1",))
        if any(contact.id is None for contact in value):
            return Misfit("the vendor takes a contact by its id only", at=("0",))
        return None

    def write(self, value: tuple[ContactRef, ...], context: Context) -> Record:
        return {self.key: self.id.write(value[0].id or "") if value else None}

    def clear(self, context: Context) -> Record:
        return {self.key: None}


@dataclass(frozen=True, slots=True)
class ContactAddress(Notation):
    """One contact without an id, as an e-mail address and a phone number beside each other."""

    email: str
    phone: str
    ids: str | None = None
    """The key that takes ids of existing contacts on write."""

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.email, self.phone, self.ids)))

    def read(self, view: View, context: Context) -> Reading:
        email, phone = text_of(view, self.email), text_of(view, self.phone)
        contacts = (Contact(email=email, phone=phone),) if email or phone else ()
        return Reading(contacts, texts(view, self.email, self.phone))

    def misfit(self, value: tuple[ContactRef, ...], context: Context) -> Misfit | None:
        if sum(contact.id is None for contact in value) > 1:
            return Misfit("the vendor takes one contact by its addresses", at=("1",))
        misfits = (NumericId().misfit(c.id) for c in value if c.id is not None)
        return next(filter(None, misfits), None)

    def write(self, value: tuple[ContactRef, ...], context: Context) -> Record:
        record: Record = {}
        ids = [NumericId().write(contact.id) for contact in value if contact.id is not None]
        if ids and self.ids:
            record[self.ids] = ids
        for contact in value:
            for key, text in ((self.email, contact.email), (self.phone, contact.phone)):
                if text is not None:
                    record[key] = text
        return record


def _whole(view: View, key: str, name_key: str | None) -> tuple[str, ...]:
    """An id that is no object is held whole, and so is the name beside it if it is a text."""
    if isinstance(view.get(key), dict):
        return ()
    named = name_key and isinstance(view.get(name_key), TEXT_OR_NONE)
    return (key, name_key) if name_key and named else (key,)
