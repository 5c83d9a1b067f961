"""A connection: an account at a vendor, as the configuration describes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.canonical.capabilities import RateLimit
from gateway.canonical.pipeline import Catalogue
from gateway.normalizer.notation import Context
from gateway.translator import Credentials, Options, Vendor


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
    aliases: Mapping[str, str] = field(default_factory=dict)
    stage_status: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Canonical field → value, as request models; they lie under the body of creates."""
    options: Options = field(default_factory=Options)

    def context(self, now: datetime, catalogue: Catalogue, *, lenient: bool = False) -> Context:
        """What a translator is told of this connection."""
        return Context(
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
            lenient=lenient,
        )
