"""The house that routes see, put together anew whenever callers or connections change."""

from functools import partial
from time import monotonic

from gateway.api.access import Access, Caller, KnownKey, Tokens, no_tokens
from gateway.api.cursors import Cursors
from gateway.api.desk import House
from gateway.api.quotas import Quotas
from gateway.app.keeping import Keeping
from gateway.app.ways import Ways, clock
from gateway.engine.keyset import KeySet, fetching
from gateway.evidence import Evidence
from gateway.listing import Listing
from gateway.settings import Settings
from gateway.shared.ledger import Ledger


def house(
    settings: Settings, ways: Ways, keeping: Keeping, tokens: Tokens, ledger: Ledger | None
) -> House:
    """The house of these settings, on what outlives a change of them."""
    to = ways.to(settings.connections)
    use_cases = ways.use_cases(to)
    limits = ways.guards.limits
    return House(
        access=_access(settings, tokens),
        connections=settings.connections,
        opportunities=use_cases,
        listing=Listing(use_cases, monotonic),
        evidence=Evidence(use_cases),
        cursors=Cursors(keeping.registry.signing_keys),
        health={name: way.health for name, way in to.items()},
        breakers=ways.guards.breakers,
        limiters={name: way.limiter for name, way in to.items()},
        proofs={name: way.proofs for name, way in to.items()},
        quotas=Quotas(limits, settings.file.environment),
        once=keeping.once,
        registry=keeping.registry,
        ledger=ledger,
        doing=keeping.doing,
        require_key=settings.file.idempotency.require_key,
        request_seconds=settings.file.timeouts.request_seconds,
        vendor_seconds=settings.file.timeouts.vendor_seconds,
    )


def tokens(settings: Settings, ways: Ways) -> Tokens:
    """What verifies tokens; it outlives a change of callers, and the issuer's keys with it."""
    jwt = settings.file.jwt
    if jwt is None:
        return no_tokens
    from gateway.api.tokens import Issuer, verified_by  # noqa: PLC0415 - a library that few need

    issuer = Issuer(
        name=jwt.issuer,
        audience=jwt.audience,
        algorithms=jwt.algorithms,
        caller_claim=jwt.caller_claim,
        scopes_claim=jwt.scopes_claim,
        leeway=jwt.leeway,
    )
    outside_only = not (settings.development or jwt.allow_private_address)
    exchange = partial(ways.outward, outside_only=outside_only)
    seconds = settings.file.timeouts.connect_seconds
    return verified_by(issuer, KeySet(fetching(exchange, jwt.jwks_url, seconds, clock), monotonic))


def _access(settings: Settings, tokens: Tokens) -> Access:
    entries = settings.file.callers
    callers = {
        name: Caller(name, frozenset(entry.scopes), entry.connections, entry.requests_per_minute)
        for name, entry in entries.items()
    }
    keys = [
        KnownKey(key.sha256, callers[name], key.expires)
        for name, entry in entries.items()
        for key in entry.hashed_keys()
    ]
    return Access(tuple(keys), callers, tokens)
