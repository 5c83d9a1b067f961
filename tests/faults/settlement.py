"""What a configuration of the rig says: the sandbox's connections, short times, plain secrets."""

import base64
import json
import tomllib
from collections.abc import Mapping
from typing import Any

from gateway.api.access import hash_key
from gateway.sandbox.configuration import configuration

CALLERS = {name: f"s3cret-of-{name}" for name in ("billing", "sales", "chief")}
CHIEF = "chief"
"""Who settles what nobody else can."""
VENDOR_SECONDS = 5
SPARED_MS = 11_000
"""How much sooner a lease ends on the rig than in earnest, where 15 s are added to a vendor's time;
a live holder is still never overtaken."""
LEAST_LEASE_MS = 4_000
"""More than a heartbeat's interval."""
QUIET_SECONDS = 4
"""So that the horizon comes after the lease of a holder that died, as it does in earnest."""
ENVIRONMENT = "development"
SIGNING = {
    "one": "signing-one-signing-one-signing-one",
    "two": "signing-two-signing-two-signing-two",
}
SEALING = {name: base64.b64encode(name.encode().ljust(32, b"=")).decode() for name in SIGNING}
SECRETS = (*CALLERS.values(), *SIGNING.values(), *SEALING.values())
SECTIONS: Mapping[str, Mapping[str, Any]] = {
    "server": {"drain_seconds": 0},  # a trial waits for no balancer to notice
    "idempotency": {"wait_seconds": 2},
    "reconcile": {"quiet_seconds": QUIET_SECONDS, "sweep_seconds": 1},
    "timeouts": {"request_seconds": 12, "vendor_seconds": VENDOR_SECONDS, "connect_seconds": 1},
    "redis": {"durability": "relaxed"},
    "limits": {"inflight": 1024},
    "retries": {},
    "breaker": {"calls": 1000},  # what fails in one row is not held against the next
}

UNLIMITED: Mapping[str, Any] = {"credential": [], "group": [], "egress": []}
"""A trial makes more calls than a vendor permits in an hour."""


def settlement(
    redis_url: str,
    vendors_url: str,
    *,
    keys: tuple[str, ...] = ("one",),
    changes: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """The file; `changes` are laid over its sections.

    Besides each vendor's connection there is `blind-close`, which has no field for a marker.
    """
    sections = {name: {**section, **(changes or {}).get(name, {})}
                for name, section in SECTIONS.items()}  # fmt: skip
    sections["redis"]["url"] = redis_url
    found = tomllib.loads(configuration(vendors_url))["connections"]
    connections = {name: {**at, "limits": UNLIMITED} for name, at in found.items()}
    blind = {**connections["acme-close"]}
    blind["options"] = {
        name: value for name, value in blind["options"].items() if name != "marker_field"
    }
    tree = {
        "environment": ENVIRONMENT,
        **sections,
        "secrets": {
            "signing_keys": [{"id": name, "key": SIGNING[name]} for name in keys],
            "encryption_keys": [{"id": name, "key": SEALING[name]} for name in keys],
        },
        "callers": {name: _caller(name) for name in CALLERS},
        "connections": {**connections, "blind-close": blind},
    }
    return "\n".join(f"{name} = {spelled(value)}" for name, value in tree.items())


def _caller(name: str) -> dict[str, Any]:
    scopes = ["opportunities:read", "opportunities:write"]
    return {
        "key_sha256": hash_key(CALLERS[name]),
        "scopes": [*scopes, "operations:resolve"] if name == CHIEF else scopes,
        "connections": ["*"],
    }


def spelled(value: Any) -> str:
    """A value as TOML, which has JSON's, but for what an inline table looks like."""
    if isinstance(value, Mapping):
        members = (f"{json.dumps(name)} = {spelled(member)}" for name, member in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(spelled, value)) + "]"
    return json.dumps(value)
