"""Addresses in the file: what is a whole one, and what lies inside by its mere spelling.

A name that leads inside is seen when it is connected to.
"""

import socket
from urllib.parse import SplitResult, urlsplit

from gateway.engine.addresses import is_outside


def address(url: str, *, query: bool = False) -> SplitResult | None:
    """An http address with a host and no more than a path behind it, None for any other text.

    `query` permits one.
    """
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    bare = not parts.fragment and (query or not parts.query)
    return parts if is_whole and bare else None


def is_inside(host: str) -> bool:
    """Whether a host is this machine or a private address, in any notation that resolvers take."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return not is_outside(name)
    except ValueError:
        pass
    try:
        return not is_outside(socket.inet_ntoa(socket.inet_aton(name)))
    except OSError:
        return False
