"""What is wrong between one part of a configuration and another."""

import base64
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from gateway.settings.addresses import address, is_inside
from gateway.settings.secrets import STAND_IN
from gateway.settings.sections import File, Key, Redis, Telemetry

OF_TOKENS = "jwt:"
"""Before the claim in the name of a caller who comes with a token."""
KEY_BYTES = 32
KEY_FORMS = {
    "signing_keys": f"is shorter than {KEY_BYTES} bytes",
    "encryption_keys": f"is not the base64 of {KEY_BYTES} bytes",
}


SETTLING_SECONDS = 60
"""How much longer than a vendor may take the quiet has to last (reliability.md 2.6)."""


EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
TRACES = "/v1/traces"
"""What is added to the address of a collector."""


def contradictions(file: File) -> Iterator[str]:
    """What is wrong between one part of the file and another."""
    yield from _shared_keys(file)
    yield from _unfit_keys("signing_keys", file.secrets.signing_keys, _signs)
    yield from _unfit_keys("encryption_keys", file.secrets.encryption_keys, _encrypts)
    yield from _unshared(file)
    yield from _unfit_store(file.redis)
    yield from _too_hasty(file)
    yield from _unfit_issuer(file)
    yield from _untold_tokens(file)
    yield from _unfit_public_url(file)
    yield from _unfit_collector(file.telemetry)
    if file.server.metrics_port == file.server.port:
        yield "server.metrics_port: is server.port, where callers come in"


def _shared_keys(file: File) -> Iterator[str]:
    owners: dict[str, str] = {}
    for name, caller in file.callers.items():
        for hashed in caller.hashed_keys():
            if hashed.sha256 in owners:
                yield f"callers.{name}: has the same key as callers.{owners[hashed.sha256]}"
            owners[hashed.sha256] = name


def _unshared(file: File) -> Iterator[str]:
    """What several processes need in common, and do not have."""
    who = _sharers(file)
    if who is None:
        return
    if file.redis.url is None:
        yield f"redis.url: {who} one, the store that all replicas share"
    for name in KEY_FORMS:
        if not getattr(file.secrets, name):
            yield f"secrets.{name}: {who} one, the same on every replica"


def _sharers(file: File) -> str | None:
    """Who has to agree with others, None for a process that is alone."""
    if file.environment == "production":
        return "production needs"
    if file.server.workers > 1:
        return "several workers need"
    return "redis.url needs" if file.redis.url else None


def _unfit_store(redis: Redis) -> Iterator[str]:
    if redis.url is None:
        for name in sorted(redis.model_fields_set - {"url"}):
            yield f"redis.{name}: there is no redis.url"
        return
    if redis.sentinel and redis.cluster:
        yield "redis.sentinel: a cluster finds its primaries by itself"
    if redis.sentinel and redis.sentinel.username and not redis.sentinel.password:
        yield "redis.sentinel.username: there is no redis.sentinel.password"
    url = redis.url.get_secret_value()
    if url == STAND_IN:
        return
    database = _database(url)
    if database is None:
        yield "redis.url: is not an address such as rediss://redis.example.com:6379/0"
    elif redis.cluster and database:
        yield "redis.url: a cluster has database 0 alone"


def _database(url: str) -> int | None:
    """The number of the database that an address names, None for what is no address."""
    try:
        parts = urlsplit(url)
        number = parts.path.removeprefix("/") or "0"
        fits = parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0
        return int(number) if fits and number.isdecimal() else None
    except ValueError:
        return None


def _too_hasty(file: File) -> Iterator[str]:
    """A write that is still on its way must not be judged by what is not there yet."""
    least = file.timeouts.vendor_seconds + SETTLING_SECONDS
    if file.environment == "production" and file.reconcile.quiet_seconds < least:
        yield (
            f"reconcile.quiet_seconds: is less than {least}, "
            f"which is timeouts.vendor_seconds and {SETTLING_SECONDS} more"
        )


def _unfit_issuer(file: File) -> Iterator[str]:
    """Whoever answers for the issuer's keys decides who anybody is."""
    if file.jwt is None:
        return
    parts = address(file.jwt.jwks_url, query=True)
    if parts is None or not parts.hostname:
        yield "jwt.jwks_url: is not an address such as https://id.example.com/keys"
    elif parts.username is not None or parts.password is not None:
        yield "jwt.jwks_url: holds credentials, and public keys need none"
    elif file.environment == "production" and not file.jwt.allow_private_address:
        if parts.scheme == "http":
            yield "jwt.jwks_url: is not https"
        if is_inside(parts.hostname):
            yield "jwt.jwks_url: is a private address; jwt.allow_private_address permits it"


def _untold_tokens(file: File) -> Iterator[str]:
    for name, caller in file.callers.items():
        if name.startswith(OF_TOKENS) and file.jwt is None and not any(caller.hashed_keys()):
            yield f"callers.{name}: there is no [jwt] to let it in"


def _unfit_collector(telemetry: Telemetry) -> Iterator[str]:
    """Where traces cannot go."""
    if telemetry.otlp_endpoint is None:
        defaults = Telemetry()
        for name in ("sample_ratio", "traces_to_vendors"):
            if getattr(telemetry, name) != getattr(defaults, name):
                yield f"telemetry.{name}: there is no telemetry.otlp_endpoint"
        return
    parts = address(telemetry.otlp_endpoint)
    if parts is None or parts.path.rstrip("/").endswith(TRACES):
        yield "telemetry.otlp_endpoint: is not an address such as http://collector.example.com:4318"
    elif parts.username is not None or parts.password is not None:
        yield "telemetry.otlp_endpoint: holds credentials; OTEL_EXPORTER_OTLP_HEADERS takes them"
    if not _is_installed(EXPORTER):
        yield (
            "telemetry.otlp_endpoint: needs the extra otel, "
            "as in pip install 'opportunity-gateway[otel]'"
        )


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def _unfit_public_url(file: File) -> Iterator[str]:
    """Callers go where it says, with their keys."""
    if file.public_url is None:
        return
    parts = address(file.public_url)
    if parts is None or parts.username is not None or parts.password is not None:
        yield "public_url: is not an address such as https://opportunities.internal.example"
    elif file.environment == "production" and parts.scheme == "http":
        yield "public_url: is not https"


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
