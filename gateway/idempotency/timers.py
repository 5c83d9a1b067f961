"""Every duration the record of operations is kept by, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """How long each step of an operation may take; `_ms` is milliseconds, else seconds."""

    retention_ms: int
    claimed_lease_ms: int = 10_000
    record_lease_ms: int = 15_000
    slack_ms: int = 15_000
    replicas: int = 0
    replica_wait_ms: int = 200
    heartbeat_seconds: float = 3.0
    vendor_seconds: float = 25.0
    wait_seconds: float = 2.0
    quiet_seconds: float = 120.0
    sweep_seconds: float = 10.0
