"""THE port below the wire: a request carried to its answer, and the ways in which none comes.

What fills it holds lines open between calls, spells HTTP and keeps the bounds that are set here.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

MAX_ANSWER: Final = 1024 * 1024
"""Bytes of a vendor's answer that are read."""
MAX_PIECES: Final = 16 * 1024
"""Pieces that it may come in: the smaller they are, the more work each byte is."""
MAX_HEADERS: Final = 200
"""Lines of its head."""

_PORTS: Final = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Where a call goes; lines are shared by calls to the same one, and by no others."""

    secure: bool
    host: str
    """In ASCII, an IPv6 address without brackets."""
    port: int
    outside_only: bool
    """Whether its addresses have to lie outside: a line that was opened inside is another's."""

    @property
    def authority(self) -> str:
        """Host and port, as a URL and the header `Host` have them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def scheme(self) -> str:
        """The scheme of its URLs."""
        return "https" if self.secure else "http"


def origin_of(base_url: str, *, outside_only: bool) -> tuple[Origin, str]:
    """The origin of a base URL, and the path behind it. Raises ValueError where it is none."""
    parts = urlsplit(base_url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("it is no address of HTTP")
    host = parts.hostname.encode("idna").decode("ascii")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    return Origin(parts.scheme == "https", host, port, outside_only), parts.path.rstrip("/")


Gate = Callable[[], Awaitable[None]]
"""Awaited once for each request, when its line is open and not a byte of it has left.

What it raises holds the request back, and is what `carry` raises.
"""


@dataclass(slots=True, kw_only=True)
class Outgoing:
    """A request on its way, and how long it may take."""

    origin: Origin
    method: str
    target: str
    """Path and query, escaped."""
    headers: Mapping[str, str] = field(repr=False)
    """All but `Host` and `Content-Length`."""
    content: bytes | None = field(default=None, repr=False)
    gate: Gate
    connect: float
    """Seconds that may go by until a line is free, and as many until one is open."""
    ends: float
    """When the answer has to be whole, on the event loop's clock."""


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; what comes in several lines is joined by commas."""
    body: bytes


class Loss(Enum):
    """The ways in which no answer comes, in words: no host name, nothing that the vendor said."""

    MISSPELT = "it cannot be spelled as HTTP"
    UNREACHED = "connecting failed"
    UNREACHED_IN_TIME = "connecting took too long"
    CROWDED = "no connection became free"
    UNWRITTEN = "the request could not be written in time"
    UNANSWERED = "no answer came"
    CUT = "the connection was cut"
    BROKEN = "the answer broke off or is no HTTP"


LATE: Final = frozenset({Loss.UNREACHED_IN_TIME, Loss.CROWDED, Loss.UNWRITTEN, Loss.UNANSWERED})
"""Those by which time ran out."""


class Lost(Exception):
    """No answer came."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss.value)
        self.loss = loss


class Oversized(Exception):
    """An answer that is more than it may be, and the status that it came with."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


def too_large(status: int) -> Oversized:
    """For an answer of more bytes than are read."""
    return Oversized(f"the answer is larger than {MAX_ANSWER} bytes", status)


def in_pieces(status: int) -> Oversized:
    """For an answer in more pieces than are put together."""
    return Oversized(f"the answer comes in more than {MAX_PIECES} pieces", status)


def check_head(status: int, lines: int, encoding: str) -> None:
    """Raises `Oversized` for a head of too many lines, or a body that came compressed.

    What is compressed was not asked for, and what is not unpacked cannot burst.
    """
    if lines > MAX_HEADERS:
        raise Oversized(f"the answer has more than {MAX_HEADERS} headers", status)
    if encoding.lower() not in {"", "identity"}:
        why = f"the answer came compressed as {encoding[:20]}, which was not asked for"
        raise Oversized(why, status)


class Network(Protocol):
    """What carries requests, for all connections."""

    async def carry(self, outgoing: Outgoing) -> Answer:
        """Carries a request to its whole answer; it never sends one twice.

        Raises `Lost`, `Oversized`, `PrivateAddress`, and what the gate raises.
        """

    async def aclose(self) -> None:
        """Lets go of every line."""
