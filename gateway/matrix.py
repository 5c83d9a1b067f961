"""The matrix of vendors and fields as Markdown, generated from the declarations that translate."""

from collections.abc import Mapping

from gateway.canonical.capabilities import Can
from gateway.normalizer.dialect import FIELDS
from gateway.translator import Vendor

MARKS: Mapping[str, str] = {
    "native": "●",
    "emulated": "◐",
    "derived": "◌",
    "undocumented": "?",
    "unsupported": "–",
}
LEGEND = (
    "Each cell reads: read, create, update, clear. ● native · ◐ emulated · ◌ derived · "
    "? undocumented (sent, and the answer checked) · – unsupported (refused before any call)."
)


def matrix(vendors: Mapping[str, Vendor]) -> str:
    """One row for each canonical field, one column for each vendor, with the legend below."""
    head = ["field", *(vendor.title for vendor in vendors.values())]
    rule = ["---"] * len(head)
    body = (
        [f"`{name}`", *(_cell(vendor.dialect.can(name)) for vendor in vendors.values())]
        for name in FIELDS
    )
    return "\n".join([*map(_row, (head, rule, *body)), "", LEGEND])


def _cell(can: Can) -> str:
    return " ".join(MARKS[support] for support in (can.read, can.create, can.update, can.clear))


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
