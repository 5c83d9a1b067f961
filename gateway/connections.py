"""A connection: an account at a vendor, as the configuration describes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from gateway.canonical.capabilities import RateLimit
from gateway.canonical.pipeline import Catalogue
from gateway.normalizer.notation import Context
from gateway.translator import Credentials, Options, Vendor

Client = Literal["lean", "httpx"]
"""Our own client, or the stock one, which is slower and can do more (0036)."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """What calls go through on their way out; it looks their hosts up by itself."""

    url: str
    username: str | None = None
    password: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Carrier:
    """What carries calls; those of connections that say the same share their lines."""

    client: Client = "lean"
    http2: bool = False
    """Whether HTTP/2 is spoken where the vendor offers it, which takes TLS."""
    proxy: Proxy | None = None


OUR_OWN: Final = Carrier()


@dataclass(slots=True)
class _Latest:
    """A connection's context with the catalogue that it had last, and all that follows from it."""

    context: Context | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One account at one vendor; secrets lie in `credentials` and never leave it as text."""

    name: str
    vendor: Vendor
    credentials: Credentials
    base_url: str
    currency: str | None = None
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    enabled: bool = True
    read_only: bool = False
    require_if_match: bool = False
    limit_group: str | None = None
    """What connections have in common that share their company's limit."""
    rate_limits: tuple[RateLimit, ...] = ()
    """The vendor's, with what the configuration sets in their place."""
    outside_only: bool = False
    """Whether its vendor has to be on the public internet."""
    carrier: Carrier = OUR_OWN
    aliases: Mapping[str, str] = field(default_factory=dict)
    stage_status: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Canonical field → value, as request models; they lie under the body of creates."""
    options: Options = field(default_factory=Options)
    _latest: _Latest = field(default_factory=_Latest, init=False, compare=False, repr=False)

    def context(self, now: datetime, catalogue: Catalogue, *, lenient: bool = False) -> Context:
        """What a translator is told of this connection."""
        latest = self._latest.context
        if latest is None or latest.catalogue is not catalogue:
            latest = self._latest.context = Context(
                connection=self.name,
                vendor=self.vendor.name,
                now=now,
                currency=self.currency,
                timezone=self.timezone,
                aliases=self.aliases,
                stage_status=self.stage_status,
                options=self.options,
                defaults=self.defaults,
                catalogue=catalogue,
            )
        return latest.at(now, lenient=lenient)
