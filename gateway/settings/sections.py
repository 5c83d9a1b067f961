"""The tables of the file, as far as no vendor is needed to type them (api.md 10)."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from gateway.canonical.ids import CONNECTION_NAME
from gateway.canonical.pipeline import Status
from gateway.connections import Client

Scope = Literal[
    "opportunities:read", "opportunities:write", "operations:resolve", "requests:read", "console"
]


class Section(BaseModel):
    """A table of the file: frozen, and closed, so that a misspelt key is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(Section):
    """Where the gateway listens."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    drain_seconds: Annotated[int, Field(ge=0, le=300)] = 5


def _place(spelled: object) -> tuple[str, int]:
    """The host and the port of a server."""
    with suppress(ValueError):  # of a port that is none
        parts = urlsplit(f"//{spelled}")
        if parts.netloc == spelled and "@" not in spelled and parts.hostname and parts.port:
            return parts.hostname, parts.port
    raise ValueError("is not a host and a port such as sentinel-1.example.com:26379")


class Sentinel(Section):
    """Who knows the primary of a service. Its host is then none that `redis.url` names.

    `redis.url` says what the servers have in common: credentials, database, and TLS, which the
    sentinels have as well unless `tls` says otherwise.
    """

    service: Annotated[str, Field(min_length=1)]
    nodes: Annotated[
        tuple[Annotated[tuple[str, int], BeforeValidator(_place)], ...], Field(min_length=1)
    ]
    username: Annotated[str, Field(min_length=1)] | None = None
    password: SecretStr | None = None
    tls: bool | None = None


class Redis(Section):
    """The store that replicas share."""

    url: SecretStr | None = None
    durability: Literal["strict", "relaxed"] | None = None
    wait_replicas: Annotated[int, Field(ge=0)] = 0
    wait_ms: Annotated[int, Field(ge=1, le=5_000)] = 200
    sentinel: Sentinel | None = None
    cluster: bool = False


class Key(Section):
    """A secret key with the id that rotation knows it by."""

    id: Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]
    key: SecretStr


class Secrets(Section):
    """Keys of the gateway's own: the first signs or encrypts, all verify or decrypt."""

    signing_keys: tuple[Key, ...] = ()
    encryption_keys: tuple[Key, ...] = ()


class Idempotency(Section):
    """How writes are kept from doubling."""

    require_key: bool = False
    retention_hours: Annotated[int, Field(ge=24)] = 72
    wait_seconds: Annotated[int, Field(ge=0, le=30)] = 2


class Reconcile(Section):
    """How unknown outcomes are settled."""

    quiet_seconds: Annotated[int, Field(ge=1)] = 120
    sweep_seconds: Annotated[int, Field(ge=1)] = 10


class Timeouts(Section):
    """How long things may take, in seconds."""

    request_seconds: Annotated[int, Field(ge=1, le=120)] = 30
    vendor_seconds: Annotated[int, Field(ge=1, le=120)] = 25
    connect_seconds: Annotated[int, Field(ge=1, le=60)] = 3


class Limits(Section):
    """How much at once, in one process: writes under way, and vendor calls."""

    inflight: Annotated[int, Field(ge=1)] = 512
    per_connection: Annotated[int, Field(ge=1)] = 64
    per_caller: Annotated[int, Field(ge=1)] = 256


class Retries(Section):
    """How often a call is made at most that fails; 1 makes none again."""

    attempts: Annotated[int, Field(ge=1, le=5)] = 3


class Breaker(Section):
    """When a vendor is left alone: half of at least so many calls failed, for so long."""

    calls: Annotated[int, Field(ge=2)] = 10
    seconds: Annotated[int, Field(ge=1, le=300)] = 5


class Logs(Section):
    """How the log is written."""

    format: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Telemetry(Section):
    """Traces and metrics."""

    otlp_endpoint: str | None = None
    traces_to_vendors: bool = False
    sample_ratio: Annotated[float, Field(ge=0, le=1)] = 1
    max_connections: Annotated[int, Field(ge=1)] = 200


class RequestLedger(Section):
    """The record of who did what: about so many requests, each for so many hours."""

    enabled: bool = False
    hours: Annotated[int, Field(ge=1, le=24 * 366)] = 24
    max_records: Annotated[int, Field(ge=1)] = 100_000


Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""Those of public keys (RFC 7518 3, RFC 8037): a shared secret is no issuer's, and none is none."""
Filled = Annotated[str, Field(min_length=1)]


class Jwt(Section):
    """Callers that prove who they are with a token."""

    issuer: Filled
    audience: Filled
    jwks_url: str
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)]
    caller_claim: Filled = "sub"
    scopes_claim: Filled | None = None
    leeway: Annotated[int, Field(ge=0, le=300)] = 0
    allow_private_address: bool = False


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class HashedKey(Section):
    """A caller's key, hashed, and when it ends."""

    sha256: Sha256
    expires: AwareDatetime | None = None


class Caller(Section):
    """An internal app and what it may do."""

    key_sha256: Sha256 | None = None
    key_sha256s: tuple[HashedKey, ...] = ()
    scopes: frozenset[Scope] = frozenset()
    connections: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None

    def hashed_keys(self) -> Iterator[HashedKey]:
        """Every key of the caller."""
        if self.key_sha256:
            yield HashedKey(sha256=self.key_sha256)
        yield from self.key_sha256s


class Rate(Section):
    """At most so many calls in any span of so many seconds."""

    limit: Annotated[int, Field(ge=1, le=1_000_000_000)]
    window_seconds: Annotated[int, Field(ge=1, le=31 * 86_400)]


class RateLimits(Section):
    """What is set in the place of the vendor's limits; an empty list lifts those of a scope."""

    credential: tuple[Rate, ...] | None = None
    group: tuple[Rate, ...] | None = None
    egress: tuple[Rate, ...] | None = None


class Proxy(Section):
    """What the calls of a connection go through on their way out."""

    url: str
    username: Annotated[str, Field(min_length=1)] | None = None
    password: SecretStr | None = None


class Account(Section):
    """A connection as the file spells it; what the vendor's file types is typed there."""

    vendor: str
    base_url: str | None = None
    credentials: dict[str, SecretStr] = Field(default_factory=dict)
    currency: str | None = None
    timezone: str = "UTC"
    enabled: bool = True
    read_only: bool = False
    require_if_match: bool = False
    allow_private_address: bool = False
    transport: Client = "lean"
    http2: bool = False
    proxy: Proxy | None = None
    limit_group: Annotated[str, Field(min_length=1)] | None = None
    limits: RateLimits = RateLimits()
    custom_fields: dict[str, str] = Field(default_factory=dict)
    stage_status: dict[str, Status] = Field(default_factory=dict)
    defaults: dict[str, Any] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)


class File(Section):
    """The file as a whole, before what only a vendor can type."""

    environment: Literal["development", "production"] = "development"
    public_url: str | None = None
    include: tuple[str, ...] = ()
    server: Server = Server()
    redis: Redis = Redis()
    secrets: Secrets = Secrets()
    idempotency: Idempotency = Idempotency()
    reconcile: Reconcile = Reconcile()
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()
    retries: Retries = Retries()
    breaker: Breaker = Breaker()
    logs: Logs = Logs()
    telemetry: Telemetry = Telemetry()
    request_ledger: RequestLedger = RequestLedger()
    jwt: Jwt | None = None
    callers: dict[str, Caller] = Field(default_factory=dict)
    connections: dict[Annotated[str, Field(pattern=f"^{CONNECTION_NAME}$")], Account] = Field(
        default_factory=dict
    )
