"""Opportunity ids: `{connection}.{vendor id}`, which route themselves and need no URL encoding."""

import re
from typing import Final

CONNECTION_NAME: Final = r"[a-z0-9][a-z0-9-]{0,62}"

_ID = re.compile(rf"({CONNECTION_NAME})\.((?:[A-Za-z0-9_-]|~[0-9a-f]{{2}})+)")
_ESCAPED = re.compile(r"(?:~[0-9a-f]{2})+")
_AS_IT_IS = re.compile("[A-Za-z0-9_-]*")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def join(connection: str, vendor_id: str) -> str:
    """The public id of a vendor's record; all but `[A-Za-z0-9_-]` is written as `~` and hex."""
    if _AS_IT_IS.fullmatch(vendor_id):
        return f"{connection}.{vendor_id}"
    return f"{connection}." + "".join(
        chr(byte) if byte in _PLAIN else f"~{byte:02x}"
        for byte in vendor_id.encode(errors="surrogatepass")
    )


def split(opportunity_id: str) -> tuple[str, str] | None:
    """(connection, vendor id), or None for a text that `join` never makes."""
    match = _ID.fullmatch(opportunity_id)
    if not match:
        return None
    connection, escaped = match.groups()
    if "~" not in escaped:
        return connection, escaped
    try:
        vendor_id = _ESCAPED.sub(_unescaped, escaped)
    except UnicodeDecodeError:
        return None
    return (connection, vendor_id) if join(connection, vendor_id) == opportunity_id else None


def _unescaped(match: re.Match[str]) -> str:
    return bytes.fromhex(match.group().replace("~", "")).decode()


def pointer(*parts: str | int) -> str:
    """An RFC 6901 pointer to a member of a body."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
