"""JSON as the gateway holds it, for properties: exact numbers, whole characters."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
DECIMALS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=4
)
NUMBERS: st.SearchStrategy[int | Decimal] = st.integers(-(10**30), 10**30) | DECIMALS
SCALARS: st.SearchStrategy[Any] = st.none() | st.booleans() | NUMBERS | TEXTS


def objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with up to four members."""
    return st.dictionaries(TEXTS, values, max_size=4)


JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda within: st.lists(within, max_size=4) | objects(within),
    max_leaves=8,
)
