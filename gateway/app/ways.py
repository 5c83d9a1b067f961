"""The ways to the vendors: the list of layers, and what each connection's layers are made of."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from time import monotonic

from gateway.app import shared
from gateway.app.networks import Networks
from gateway.app.tracing import Traced, untraced
from gateway.connections import OUR_OWN, Carrier, Connection
from gateway.engine.breaker import Check, Sickness, breaking
from gateway.engine.bulkhead import bounded
from gateway.engine.catalogue import Catalogues
from gateway.engine.credentials import (
    Proofs,
    authenticated,
    client_of,
    identity,
    proof_of,
    used,
)
from gateway.engine.deadline import deadline
from gateway.engine.deduplicated import deduplicated
from gateway.engine.exchange import Exchange, Layer, layered
from gateway.engine.guards import Guards
from gateway.engine.health import Health, watched
from gateway.engine.limiter import Account, Limiter, appointed, limited
from gateway.engine.renewal import Renewals, Renewer, renewed
from gateway.engine.retry import retried
from gateway.engine.token_call import endpoint_of, spending
from gateway.engine.told import told
from gateway.engine.wire import wire
from gateway.errors import GatewayError
from gateway.idempotency.vault import Vault
from gateway.opportunities import Opportunities, Terms
from gateway.settings import Settings
from gateway.shared.grants import grant_name
from gateway.telemetry.hooks import Hooks
from gateway.translator import Renewed


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One connection's: what it authenticates by, what it may ask for, and how it fares."""

    at: Connection
    health: Health
    limiter: Limiter
    proofs: Proofs


def layers(
    way: Way, guards: Guards, check: Check, hooks: Hooks, traced: Traced
) -> tuple[Layer, ...]:
    """THE list of layers between a dialogue and the wire, the outermost first."""
    at = way.at
    return (
        watched(way.health, lambda: datetime.now(UTC)),
        retried(guards.retries(at.name, appointed(at.vendor.rate_forms))),
        renewed(way.proofs),
        breaking(guards.breakers.of(at.name), check),
        limited(way.limiter),
        bounded(guards.places.of(at.name), guards.callers),
        traced(at),
        told(at.vendor.name, at.name, hooks.called),
        deadline(clock),
        deduplicated(at.vendor.idempotency),
        authenticated(way.proofs),
    )


class Ways:
    """What all ways have in common; it outlives a change of callers and connections."""

    def __init__(
        self,
        settings: Settings,
        networks: Networks,
        hooks: Hooks,
        traced: Traced = untraced,
    ) -> None:
        file = settings.file
        self._networks = networks
        self._hooks = hooks
        self._traced = traced
        self.guards = Guards(
            shared.switches(settings, hooks.stored),
            shared.limits(settings, hooks.stored),
            clock,
            attempts=file.retries.attempts,
            sickness=Sickness(calls=file.breaker.calls, seconds=file.breaker.seconds),
            per_connection=file.limits.per_connection,
            per_caller=file.limits.per_caller,
        )
        self._timeouts = file.timeouts
        self._environment = file.environment
        self._renewals = Renewals(
            shared.grants(settings, hooks.stored),
            Vault(shared.sealing(settings)),
            clock,
            seconds=file.timeouts.vendor_seconds,
            fault=hooks.fault,
        )

    def to(self, connections: Mapping[str, Connection]) -> dict[str, Way]:
        """The way to each connection."""
        return {
            name: Way(at=at, health=Health(), limiter=self._limiter(at), proofs=self._proofs(at))
            for name, at in connections.items()
        }

    def use_cases(self, ways: Mapping[str, Way]) -> Opportunities:
        """What can be done with opportunities, by these ways.

        The layers of one are put together when it is first taken: few of very many are in use.
        """

        @cache
        def exchange(name: str) -> Exchange:
            return self._exchange(ways[name], use_cases)

        use_cases = Opportunities(lambda at: exchange(at.name), Catalogues(monotonic))
        return use_cases

    def outward(self, base_url: str, *, outside_only: bool, carrier: Carrier = OUR_OWN) -> Exchange:
        """The way to a host, for calls that no dialogue makes."""
        outgoing = self._wire(base_url, carrier, outside_only=outside_only)
        return layered(outgoing, [deadline(clock)])

    async def close(self) -> None:
        """Lets go of the stores and of the network."""
        await self._renewals.close()
        await self.guards.breakers.switches.close()
        await self.guards.limits.close()
        await self._networks.aclose()

    def _exchange(self, way: Way, use_cases: Opportunities) -> Exchange:
        at = way.at
        check = partial(_checked, use_cases, at, self._timeouts.vendor_seconds)
        outgoing = self._wire(at.base_url, at.carrier, outside_only=at.outside_only)
        return layered(outgoing, layers(way, self.guards, check, self._hooks, self._traced))

    def _wire(self, base_url: str, carrier: Carrier, *, outside_only: bool) -> Exchange:
        return wire(
            self._networks.of(carrier),
            base_url,
            connect_seconds=self._timeouts.connect_seconds,
            clock=clock,
            outside_only=outside_only,
        )

    def _limiter(self, at: Connection) -> Limiter:
        account = Account(
            vendor=at.vendor.name,
            base_url=at.base_url,
            secret=identity(at.vendor.auth, at.credentials, at.name),
            group=at.limit_group,
        )
        forms = at.vendor.rate_forms
        return Limiter(self.guards.limits, account, at.rate_limits, forms=forms, clock=clock)

    def _proofs(self, at: Connection) -> Proofs:
        """A proof for good, or one that is renewed.

        Another refresh token in the configuration is another grant, which begins with it.
        """
        scheme, first = used(at.vendor.auth, at.credentials)
        if not isinstance(scheme, Renewed):
            return proof_of(at.vendor.auth, at.credentials)
        client = client_of(at.credentials)
        exchange = partial(self.outward, outside_only=at.outside_only, carrier=at.carrier)
        endpoint = endpoint_of(at.base_url, scheme.path)
        spend = spending(exchange, endpoint, client, seconds=self._renewals.seconds, clock=clock)
        whose = (self._environment, at.vendor.name, at.base_url, at.name, client.id)
        return Renewer(self._renewals, grant_name(*whose, first), first, spend)


def is_renewed(at: Connection) -> bool:
    """Whether a connection authenticates by tokens that run out."""
    scheme, _ = used(at.vendor.auth, at.credentials)
    return isinstance(scheme, Renewed)


def clock() -> float:
    """The event loop's clock, by which every deadline is kept."""
    return asyncio.get_running_loop().time()


async def _checked(use_cases: Opportunities, at: Connection, seconds: float) -> None:
    """Asks a vendor for as little as can be asked; what comes of it, the layers see."""
    until = clock() + seconds
    with suppress(GatewayError):
        talk = use_cases.speak(at, Terms(until=until, patience=until))
        translator = at.vendor.translator(talk.context())
        await talk.hold(translator, translator.check())
