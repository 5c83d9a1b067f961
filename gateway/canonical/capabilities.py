"""What a vendor can do, cell by cell: generated from the declarations that translate (api.md 8)."""

from collections.abc import Iterable
from typing import Annotated, Literal, get_args

from gateway.canonical.schema import Answer, open_enum

Support = Literal["native", "emulated", "derived", "unsupported", "undocumented"]
"""`undocumented`: the vendor's public pages do not say; the translator tries and checks."""

Action = Literal["read", "create", "update", "clear"]
SUPPORTS: tuple[str, ...] = get_args(Support)
OpenSupport = Annotated[str, open_enum(*SUPPORTS)]
WRITES = ("create", "update")
"""What writes fields."""


class Can(Answer):
    """The four cells of one canonical field at one vendor."""

    read: OpenSupport = "native"
    create: OpenSupport = "native"
    update: OpenSupport = "native"
    clear: OpenSupport = "native"
    unit: str | None = None
    precision: str | None = None
    required_on_create: bool = False
    reads_back: Annotated[str, open_enum("exact", "normalized", "never")] = "exact"
    """How what was written is shown again: as it is, in the vendor's own form, or not at all."""
    note: str | None = None

    def does(self, action: Action) -> bool:
        """Whether a write or read of this kind is possible at all."""
        cell: str = getattr(self, action)
        return cell != "unsupported"


NATIVE = Can()
NOTHING = Can(read="unsupported", create="unsupported", update="unsupported", clear="unsupported")
READ_ONLY = Can(create="unsupported", update="unsupported", clear="unsupported")
READ_DERIVED = Can(read="derived", create="unsupported", update="unsupported", clear="unsupported")


class VendorFieldCan(Answer):
    """A writable field of the vendor's own that no canonical field maps."""

    create: OpenSupport = "native"
    update: OpenSupport = "native"
    required_on_create: bool = False
    note: str | None = None


class Operations(Answer):
    """Which operations the vendor has."""

    get: OpenSupport = "native"
    list: OpenSupport = "native"
    create: OpenSupport = "native"
    update: OpenSupport = "native"
    delete: OpenSupport = "native"
    list_pipelines: OpenSupport = "native"
    list_users: OpenSupport = "native"
    list_custom_fields: OpenSupport = "native"


class Listing(Answer):
    """How a vendor lists."""

    filters: dict[str, OpenSupport] = {}
    sorts: dict[str, OpenSupport] = {}
    paging: Annotated[str, open_enum("page", "offset", "cursor")] = "page"
    page_size_max: int = 100
    include_archived: OpenSupport = "unsupported"
    note: str | None = None


class NativeIdempotency(Answer):
    """The vendor's own de-duplication of writes."""

    supported: bool = False
    header: str | None = None
    window_seconds: int | None = None
    methods: tuple[str, ...] = ()
    marker: bool = False
    """Whether a create carries a mark by which it is found again if its answer is lost."""
    note: str | None = None


class Concurrency(Answer):
    """What guards a record between two writers."""

    if_match: OpenSupport = "emulated"
    window: str = (
        "The gateway reads the record, compares, then writes: an edit at the vendor between the "
        "two is not seen."
    )


class RateLimit(Answer):
    """A limit of the vendor's; its size is null where it is not published, or learned."""

    scope: Annotated[str, open_enum("credential", "group", "egress")]
    """What calls are counted for: the key or token, its company, or the address they come from."""
    limit: int | None
    window_seconds: int | None
    per_endpoint: bool = False
    """Whether each method and path has a limit of its own."""
    note: str | None = None


class SideEffect(Answer):
    """Something that happens at the vendor beyond what a write names."""

    when: str
    effect: str
    of: tuple[str, ...] = ("*",)
    """The fields whose write brings it about, `*` for any."""
    on: tuple[Annotated[str, open_enum(*WRITES)], ...] = WRITES
    """The operations that can bring it about."""
    lenient_only: bool = False
    """Whether lenient handling alone brings it about."""
    fields: tuple[str, ...] = ()
    """What may change: canonical fields, `vendor_fields.{key}` for one of the vendor's own."""

    def follows(self, operation: str, names: Iterable[str], *, lenient: bool = False) -> bool:
        """Whether an operation that writes these fields can bring it about."""
        if operation not in self.on or (self.lenient_only and not lenient):
            return False
        return "*" in self.of or not {*self.of}.isdisjoint(names)


class Capabilities(Answer):
    """What one vendor, or one connection to it, can and cannot do."""

    vendor: str
    fields: dict[str, Can]
    vendor_fields: dict[str, VendorFieldCan] = {}
    vendor_options: dict[str, str] = {}
    operations: Operations
    listing: Listing
    idempotency: NativeIdempotency
    concurrency: Concurrency
    delete: Annotated[str, open_enum("deletes", "archives", "unsupported", "undocumented")]
    rate_limits: tuple[RateLimit, ...] = ()
    side_effects: tuple[SideEffect, ...] = ()
