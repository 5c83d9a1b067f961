"""A connection's table made into a connection, with what its vendor's file knows."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from gateway.canonical.money import CURRENCIES
from gateway.canonical.opportunity import OpportunityPatch
from gateway.canonical.pipeline import Catalogue
from gateway.connections import Connection
from gateway.errors import Rejected
from gateway.normalizer.admission import admit
from gateway.settings.addresses import address, is_inside
from gateway.settings.carriers import carrier_of, unfit
from gateway.settings.faults import line
from gateway.settings.rates import rate_limits
from gateway.settings.secrets import STAND_IN
from gateway.settings.sections import Account
from gateway.translator import Credentials, Vendor
from gateway.vendors import installed

Model = TypeVar("Model", bound=BaseModel)
PATCH_ONLY = {"custom_fields_add", "custom_fields_remove"}


class Builder:
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
        for key, text in unfit(account):
            self._fault(key, text)
        zone = self._zone()
        if len(self._faults) > before or not (credentials and options and defaults and zone):
            return None
        connection = Connection(
            name=self._name,
            vendor=vendor,
            credentials=credentials,
            base_url=base_url,
            currency=account.currency or vendor.currency,
            timezone=zone,
            enabled=account.enabled,
            read_only=account.read_only,
            require_if_match=account.require_if_match,
            limit_group=account.limit_group,
            rate_limits=tuple(rate_limits(vendor.rate_limits, account.limits)),
            outside_only=not (self._development or account.allow_private_address),
            carrier=carrier_of(account),
            aliases=account.custom_fields,
            stage_status=account.stage_status,
            defaults=dict(defaults.sent()),
            options=options,
        )
        trial = replace(connection)  # one that nobody speaks to keeps nothing that was worked out
        self._check_marker(trial)
        self._check_defaults(trial)
        return connection if len(self._faults) == before else None

    def _check_marker(self, connection: Connection) -> None:
        """A mark that nobody could look for, or that overwrites another field, is of no use."""
        field_key, vendor = connection.options.marker_field, connection.vendor
        reserved = vendor.dialect.reserved(connection.context(datetime.now(UTC), Catalogue()))
        if field_key is not None and not vendor.finds_marked:
            self._fault("options.marker_field", "this vendor has no search to find a mark by")
        elif field_key is not None and field_key in reserved:
            self._fault("options.marker_field", f"{field_key} holds {reserved[field_key]} already")

    def _check_defaults(self, connection: Connection) -> None:
        """What the vendor cannot take on a create would be refused to callers who never sent it."""
        context = connection.context(datetime.now(UTC), Catalogue())
        try:
            admit(connection.defaults.items(), connection.vendor.dialect, context, "create")
        except Rejected as refused:
            for fault in refused.faults:
                where = (fault.pointer or "").replace("/", ".")
                self._fault(f"defaults{where}", fault.detail)

    def _credentials(self, vendor: Vendor) -> Credentials | None:
        opened = {key: held.get_secret_value() for key, held in self._account.credentials.items()}
        credentials = self._typed("credentials", vendor.credentials, opened)
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
            self._faults.extend(line(at, detail) for detail in error.errors())
            return None

    def _base_url(self, vendor: Vendor) -> str:
        url = self._account.base_url if self._account.base_url is not None else vendor.base_url
        parts = address(url)
        if parts is None or not parts.hostname:
            self._fault("base_url", "is not an address such as https://api.example.com/v1")
        elif parts.username is not None or parts.password is not None:
            self._fault("base_url", "holds credentials; those belong under credentials")
        elif not (self._development or self._account.allow_private_address):
            if parts.scheme == "http":
                self._fault("base_url", "is not https")
            if is_inside(parts.hostname):
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
            if alias in keys:
                self._fault(f"custom_fields.{alias}", "is itself a field that has an alias")

    def _zone(self) -> ZoneInfo | None:
        try:
            return ZoneInfo(self._account.timezone)
        except (KeyError, ValueError, OSError):
            self._fault("timezone", f"{self._account.timezone!r} is no zone such as Europe/Berlin")
            return None

    def _fault(self, key: str, text: str) -> None:
        self._faults.append(f"connections.{self._name}.{key}: {text}")
