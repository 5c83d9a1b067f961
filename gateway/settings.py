"""The configuration: one TOML file, read into one frozen model, every fault told by its path."""

import base64
import glob
import ipaddress
import os
import re
import socket
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from gateway.canonical.ids import CONNECTION_NAME
from gateway.canonical.money import CURRENCIES
from gateway.canonical.opportunity import OpportunityPatch
from gateway.connections import Connection
from gateway.translator import Credentials, Vendor
from gateway.vendors import installed

Scope = Literal[
    "opportunities:read", "opportunities:write", "operations:resolve", "requests:read", "console"
]
Model = TypeVar("Model", bound=BaseModel)
Table = TypeVar("Table", bound="Section")
KEY_BYTES = 32
KEY_FORMS = {
    "signing_keys": f"is shorter than {KEY_BYTES} bytes",
    "encryption_keys": f"is not the base64 of {KEY_BYTES} bytes",
}
INCLUDED = ("callers", "connections")
PATCH_ONLY = {"custom_fields_add", "custom_fields_remove"}
STAND_IN = "\N{REPLACEMENT CHARACTER}"
"""What stands for a secret that is missing, which was told, so that the rest can be checked."""


class ConfigurationError(Exception):
    """A configuration that is not fit to run with; `faults` has a line for each thing wrong."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


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


class Redis(Section):
    """The store that replicas share."""

    url: SecretStr | None = None
    durability: Literal["strict", "relaxed"] = "strict"
    wait_replicas: Annotated[int, Field(ge=0)] = 0
    wait_ms: Annotated[int, Field(ge=1)] = 200
    sentinel: dict[str, Any] | None = None
    cluster: bool = False


class Key(Section):
    """A secret key with the id that rotation knows it by."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
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
    """How much at once."""

    inflight: Annotated[int, Field(ge=1)] = 512


class Logs(Section):
    """How the log is written."""

    format: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Telemetry(Section):
    """Traces and metrics."""

    otlp_endpoint: str | None = None
    traces_to_vendors: bool = False
    max_connections: Annotated[int, Field(ge=1)] = 200


class RequestLedger(Section):
    """The record of who did what."""

    enabled: bool = False
    hours: Annotated[int, Field(ge=1)] = 24


class Jwt(Section):
    """Callers that prove who they are with a token."""

    issuer: str
    audience: str
    jwks_url: str
    algorithms: tuple[str, ...]
    caller_claim: str = "sub"
    scopes_claim: str | None = None
    leeway: int = 0


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


class Account(Section):
    """A connection as the file spells it; what the vendor's file types is typed there."""

    vendor: str
    base_url: str | None = None
    credentials: dict[str, Any] = Field(default_factory=dict)
    currency: str | None = None
    timezone: str = "UTC"
    enabled: bool = True
    read_only: bool = False
    require_if_match: bool = False
    allow_private_address: bool = False
    limit_group: str | None = None
    limits: dict[str, Any] | None = None
    custom_fields: dict[str, str] = Field(default_factory=dict)
    stage_status: dict[str, Literal["open", "on_hold", "won", "lost"]] = Field(default_factory=dict)
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
    logs: Logs = Logs()
    telemetry: Telemetry = Telemetry()
    request_ledger: RequestLedger = RequestLedger()
    jwt: Jwt | None = None
    callers: dict[str, Caller] = Field(default_factory=dict)
    connections: dict[Annotated[str, Field(pattern=f"^{CONNECTION_NAME}$")], Account] = Field(
        default_factory=dict
    )


class Settings(Section):
    """What the gateway runs with."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    file: File
    connections: Mapping[str, Connection]

    @property
    def development(self) -> bool:
        """Whether this is no place for production's strictness."""
        return self.file.environment == "development"

    @property
    def pending(self) -> tuple[str, ...]:
        """Settings that this version reads and does not act on yet: an operator is told of each."""
        file, defaults = self.file, File()
        names = (
            "public_url", "server.metrics_port", "server.drain_seconds", "secrets.encryption_keys",
            "redis", "idempotency", "reconcile", "limits", "telemetry", "request_ledger", "jwt",
        )  # fmt: skip
        found = [name for name in names if attrgetter(name)(file) != attrgetter(name)(defaults)]
        found += [
            f"callers.{name}.requests_per_minute"
            for name, caller in file.callers.items()
            if caller.requests_per_minute
        ]
        found += [
            f"connections.{name}.{key}"
            for name, account in file.connections.items()
            for key in ("limit_group", "limits")
            if getattr(account, key)
        ]
        return tuple(found)


def load(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Reads a configuration file and those that it includes. Raises `ConfigurationError`."""
    faults: list[str] = []
    tree = _tree(path, faults)
    return _parsed(tree, os.environ if environ is None else environ, path.parent, faults)


def parse(tree: dict[str, Any], environ: Mapping[str, str], folder: Path) -> Settings:
    """Builds settings from a parsed file. Raises `ConfigurationError` with every fault."""
    return _parsed(tree, environ, folder, [])


def _parsed(
    tree: dict[str, Any], environ: Mapping[str, str], folder: Path, faults: list[str]
) -> Settings:
    development = tree.get("environment", "development") == "development"
    opened = _Secrets(environ, folder, development, faults).opened(tree)
    file = _salvaged(File, opened, (), faults) or File()
    connections: dict[str, Connection] = {}
    for name, spelled in _tables(opened, "connections"):
        account = _salvaged(Account, spelled, ("connections", name), faults)
        builder = _Builder(name, account, development, faults) if account else None
        if builder and (connection := builder.connection()):
            connections[name] = connection
    told = tuple(faults)
    faults += (found for found in _contradictions(file) if not _is_about(found, told))
    if faults:
        raise ConfigurationError(sorted(set(faults)))
    return Settings(file=file, connections=dict(sorted(connections.items())))


def _salvaged(
    model: type[Table], value: Any, at: tuple[str, ...], faults: list[str]
) -> Table | None:
    """A table as its model; what is wrong is told and left out, so that the rest can be checked."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details = error.errors()
    faults += [_line(at, detail) for detail in details]
    left = deepcopy(value)
    for loc in {detail["loc"][:2] for detail in details}:
        _cut(left, loc)
    try:
        return model.model_validate(left)
    except ValidationError:
        return None


def _is_about(contradiction: str, told: Iterable[str]) -> bool:
    """Whether the setting of a contradiction, or one in it, was told already and left out."""
    where = contradiction.partition(":")[0]
    return any(fault.startswith((f"{where}:", f"{where}.")) for fault in told)


def _cut(tree: Any, loc: tuple[int | str, ...]) -> None:
    """Takes a setting out of a tree; the entry of a table of tables goes whole."""
    table, *rest = loc or (None,)
    inner = tree.get(table) if isinstance(tree, dict) else None
    if rest and isinstance(inner, dict) and rest[0] in inner:
        del inner[rest[0]]
    elif inner is not None:
        del tree[table]


def _tree(path: Path, faults: list[str]) -> dict[str, Any]:
    """The file's tables with those of the included files."""
    tree = _toml(path, faults)
    patterns = tree.get("include")
    for pattern in patterns if isinstance(patterns, list) else ():
        names = sorted(glob.glob(str(path.parent / str(pattern))))  # noqa: PTH207
        if not names and not glob.has_magic(str(pattern)):
            faults.append(f"include: there is no {pattern}")
        for name in names:
            _include(Path(name), tree, faults)
    return tree


def _include(path: Path, tree: dict[str, Any], faults: list[str]) -> None:
    for table, members in _toml(path, faults).items():
        held = tree.setdefault(table, {}) if table in INCLUDED else None
        if not isinstance(held, dict) or not isinstance(members, dict):
            faults.append(f"{table}: an included file ({path.name}) holds only tables of "
                          f"{' and '.join(INCLUDED)}")  # fmt: skip
            continue
        twice = held.keys() & members.keys()
        faults += [f"{table}.{name}: stands in more than one file" for name in twice]
        held.update(members)


def _toml(path: Path, faults: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        faults.append(f"{path}: cannot be read: {error.strerror}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"{path}: is not TOML: {error}")
    return {}


class _Secrets:
    """Opens references to secrets, and refuses literal ones outside development."""

    _HOLDERS = (
        re.compile(r"redis\.url"),
        re.compile(r"secrets\.(signing|encryption)_keys\.\d+\.key"),
        re.compile(r"connections\.[^.]+\.credentials\.[^.]+"),
    )

    def __init__(
        self, environ: Mapping[str, str], folder: Path, development: bool, faults: list[str]
    ) -> None:
        self._environ = environ
        self._folder = folder
        self._development = development
        self._faults = faults

    def opened(self, tree: Any, path: tuple[str, ...] = ()) -> Any:
        """The tree with its references replaced by what they refer to."""
        if any(holder.fullmatch(".".join(path)) for holder in self._HOLDERS):
            return self._secret(tree, ".".join(path))
        if isinstance(tree, dict):
            return {name: self.opened(member, (*path, name)) for name, member in tree.items()}
        if isinstance(tree, list):
            return [self.opened(member, (*path, str(i))) for i, member in enumerate(tree)]
        return tree

    def _secret(self, found: Any, where: str) -> Any:
        if isinstance(found, str):
            if not self._development:
                self._faults.append(f"{where}: a secret may stand in the file in development only; "
                                    'name it as {env = "NAME"} or {file = "/path"}')  # fmt: skip
            return found
        match found:
            case {"env": str(name), **rest} if not rest:
                return self._present(
                    self._environ.get(name), where, f"the environment has no {name}"
                )
            case {"file": str(name), **rest} if not rest:
                return self._present(
                    self._content(name), where, f"{name} cannot be read, or is empty"
                )
        self._faults.append(f'{where}: a secret is {{env = "NAME"}} or {{file = "/path"}}')
        return STAND_IN

    def _present(self, secret: str | None, where: str, fault: str) -> str:
        if not secret:
            self._faults.append(f"{where}: {fault}")
        return secret or STAND_IN

    def _content(self, name: str) -> str | None:
        try:
            return (self._folder / name).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            return None


def _tables(opened: dict[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    found = opened.get(name)
    if isinstance(found, dict):
        yield from found.items()


class _Builder:
    """Makes a connection of its table, with what its vendor's file knows."""

    def __init__(self, name: str, account: Account, development: bool, faults: list[str]) -> None:
        self._name = name
        self._account = account
        self._development = development
        self._faults = faults

    def connection(self) -> Connection | None:
        """The connection, or None where a fault was told."""
        before = len(self._faults)
        account = self._account
        vendor = installed().get(account.vendor)
        if vendor is None:
            self._fault("vendor", f"none is called {account.vendor!r}; there are "
                        f"{', '.join(installed())}")  # fmt: skip
            return None
        credentials = self._credentials(vendor)
        options = self._typed("options", vendor.options, account.options)
        defaults = self._defaults()
        base_url = self._base_url(vendor)
        self._check_currency(vendor)
        self._check_aliases()
        zone = self._zone()
        if len(self._faults) > before or not (credentials and options and defaults and zone):
            return None
        return Connection(
            name=self._name,
            vendor=vendor,
            credentials=credentials,
            base_url=base_url,
            currency=account.currency or vendor.currency,
            timezone=zone,
            enabled=account.enabled,
            read_only=account.read_only,
            require_if_match=account.require_if_match,
            aliases=account.custom_fields,
            stage_status=account.stage_status,
            defaults=dict(defaults.sent()),
            options=options,
        )

    def _credentials(self, vendor: Vendor) -> Credentials | None:
        credentials = self._typed("credentials", vendor.credentials, self._account.credentials)
        given = [m for m in vendor.auth if credentials and getattr(credentials, m) is not None]
        if credentials and len(given) != 1:
            self._fault("credentials", f"exactly one of {', '.join(vendor.auth)} is expected")
        for member in given:
            secret = getattr(credentials, member).get_secret_value()
            if secret != STAND_IN and not (secret.isascii() and secret.isprintable()):
                self._fault(f"credentials.{member}", "holds characters that no header can carry")
        return credentials

    def _defaults(self) -> OpportunityPatch | None:
        defaults = self._typed("defaults", OpportunityPatch, self._account.defaults)
        for name in sorted(PATCH_ONLY & self._account.defaults.keys()):
            self._fault(f"defaults.{name}", "a create takes none")
        return defaults

    def _typed(self, key: str, model: type[Model], value: Any) -> Model | None:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            at = ("connections", self._name, key)
            self._faults.extend(_line(at, detail) for detail in error.errors())
            return None

    def _base_url(self, vendor: Vendor) -> str:
        url = self._account.base_url if self._account.base_url is not None else vendor.base_url
        parts = _address(url)
        if parts is None or not parts.hostname:
            self._fault("base_url", "is not an address such as https://api.example.com/v1")
        elif parts.username is not None or parts.password is not None:
            self._fault("base_url", "holds credentials; those belong under credentials")
        elif not (self._development or self._account.allow_private_address):
            if parts.scheme == "http":
                self._fault("base_url", "is not https")
            if _private(parts.hostname):
                self._fault("base_url", "is a private address; allow_private_address permits it")
        return url

    def _check_currency(self, vendor: Vendor) -> None:
        currency = self._account.currency
        if currency is None:
            return
        if currency not in CURRENCIES:
            self._fault("currency", f"{currency} is no ISO 4217 currency with minor units")
        elif vendor.currency and currency != vendor.currency:
            self._fault("currency", f"this vendor knows {vendor.currency} only")

    def _check_aliases(self) -> None:
        keys = list(self._account.custom_fields.values())
        for alias, key in self._account.custom_fields.items():
            if keys.count(key) > 1:
                self._fault(f"custom_fields.{alias}", f"{key} has more than one alias")

    def _zone(self) -> ZoneInfo | None:
        try:
            return ZoneInfo(self._account.timezone)
        except (KeyError, ValueError, OSError):
            self._fault("timezone", f"{self._account.timezone!r} is no zone such as Europe/Berlin")
            return None

    def _fault(self, key: str, text: str) -> None:
        self._faults.append(f"connections.{self._name}.{key}: {text}")


def _address(url: str) -> SplitResult | None:
    """An http address with a host and no more than a path behind it, None for any other text."""
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_whole and not parts.query and not parts.fragment else None


def _private(host: str) -> bool:
    """Whether a host is this machine or a private address, in any notation that resolvers take."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return not ipaddress.ip_address(name).is_global
    except ValueError:
        pass
    try:
        return not ipaddress.ip_address(socket.inet_aton(name)).is_global
    except OSError:
        return False


def _contradictions(file: File) -> Iterator[str]:
    """What is wrong between one part of the file and another."""
    owners: dict[str, str] = {}
    for name, caller in file.callers.items():
        for hashed in caller.hashed_keys():
            if hashed.sha256 in owners:
                yield f"callers.{name}: has the same key as callers.{owners[hashed.sha256]}"
            owners[hashed.sha256] = name
    yield from _unfit_keys("signing_keys", file.secrets.signing_keys, _signs)
    yield from _unfit_keys("encryption_keys", file.secrets.encryption_keys, _encrypts)
    if file.secrets.signing_keys:
        return
    if file.environment == "production":
        yield "secrets.signing_keys: production needs one, the same on every replica"
    elif file.server.workers > 1:
        yield "secrets.signing_keys: several workers need one, the same for all"


def _unfit_keys(name: str, keys: Sequence[Key], fits: Callable[[str], bool]) -> Iterator[str]:
    ids = [key.id for key in keys]
    for place, key in enumerate(keys):
        if key.id in ids[:place]:
            yield f"secrets.{name}.{place}: {key.id} stands there twice"
        secret = key.key.get_secret_value()
        if secret != STAND_IN and not fits(secret):
            yield f"secrets.{name}.{place}: {KEY_FORMS[name]}"


def _signs(secret: str) -> bool:
    return len(secret.encode()) >= KEY_BYTES


def _encrypts(secret: str) -> bool:
    try:
        return len(base64.b64decode(secret, validate=True)) == KEY_BYTES
    except ValueError:
        return False


def _line(at: tuple[str, ...], detail: ErrorDetails) -> str:
    """One fault as a line: its path and what is wrong, never the value, which may be a secret."""
    path = ".".join(str(part) for part in (*at, *detail["loc"]) if part != "[key]")
    text = {
        "extra_forbidden": "is not a setting",
        "missing": "is missing",
    }.get(detail["type"], detail["msg"].removeprefix("Value error, "))
    return f"{path}: {text}"
