"""What a caller asks of a list, and one vendor page of the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.canonical.opportunity import Opportunity

FILTERS: Final = (
    "status", "stage_id", "pipeline_id", "owner_id", "account_id", "external_id",
    "updated_after", "updated_before", "created_after", "created_before", "q",
)  # fmt: skip
MAX_LIMIT: Final = 200
DEFAULT_LIMIT: Final = 50
SORTS: Final = ("created_at", "updated_at", "expected_close_date", "value.amount", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One vendor page to fetch: filters by name, a sort, and where the page before it ended."""

    filters: Mapping[str, str]
    sort: str | None = None
    descending: bool = False
    include_archived: bool = False
    page_size: int = 50
    position: Any = None
    """What the translator gave as `Page.next`: JSON of its own, None for the first page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a vendor's list; `next` is None when it was the last."""

    items: tuple[Opportunity, ...]
    next: Any = None
