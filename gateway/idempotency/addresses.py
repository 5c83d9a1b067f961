"""Where a write's record lies in the store, and by what digits it is known (reliability.md 2.2)."""

import hashlib
from collections.abc import Mapping
from typing import Final

BUCKETS: Final = tuple(f"{number:02x}" for number in range(256))
AMNESIA: Final = "uog:1:amnesia"


def address(environment: str, caller: str, key: bytes) -> str:
    """The 32 hex digits that a caller's key is known by; no secret is in them."""
    return _digest(b"uog1", environment.encode(), caller.encode(), key)


def lease_address(environment: str, connection: str, vendor_id: str) -> str:
    """The 32 hex digits that a vendor's record is leased under."""
    return _digest(environment.encode(), connection.encode(), vendor_id.encode())


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\x00".join(parts)).hexdigest()[:32]


def operation_id(hex32: str) -> str:
    """The id that callers see."""
    return f"op_{hex32}"


def bucket(hex32: str) -> str:
    """The first byte: what is in one bucket lies on one node."""
    return hex32[:2]


def record_key(hex32: str) -> str:
    """Where a record lies. No text of a client is in it: braces would choose the node."""
    return f"uog:1:{{b{bucket(hex32)}}}:op:{hex32}"


def places(hex32: str) -> list[str]:
    """All that a script of a record may touch: the record, and what its bucket has beside it."""
    return [record_key(hex32), *_PLACES[hex32[:2]]]


def open_key(bucket: str) -> str:
    """Records with a lease, by its end."""
    return f"uog:1:{{b{bucket}}}:open"


def ended_key(bucket: str) -> str:
    """Records without one, by when they got there; negative while parked, so nothing trims them."""
    return f"uog:1:{{b{bucket}}}:ended"


def highwater_key(bucket: str) -> str:
    """How many records were ever made in a bucket: a lower count than before is a loss."""
    return f"uog:1:{{b{bucket}}}:hw"


def compacted_key(bucket: str) -> str:
    """The time before which no ended record of a bucket has its bodies any more."""
    return f"uog:1:{{b{bucket}}}:compacted"


def lease_key(address: str) -> str:
    """Who may write to a vendor's record now."""
    return f"uog:1:{{r{bucket(address)}}}:w:{address}"


_PLACES: Final[Mapping[str, tuple[str, str, str]]] = {
    each: (open_key(each), ended_key(each), highwater_key(each)) for each in BUCKETS
}
