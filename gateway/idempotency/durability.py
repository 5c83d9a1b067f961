"""Whether a Redis keeps what it acknowledged, judged by its own words (reliability.md 2.5)."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.idempotency.replies import StoreHealth

Info = Mapping[str, Any]
"""What `INFO` answers."""


def judged(info: Info, appendfsync: str | None, *, replicas: int) -> StoreHealth:
    """The health of one server; `appendfsync` is None where it may not be asked."""
    losing = tuple(_losing(info, appendfsync))
    return StoreHealth(
        ok=not losing,
        reasons=(*losing, *_ailing(info, replicas)),
        notes=tuple(_notable(info, appendfsync)),
    )


def together(found: list[StoreHealth]) -> StoreHealth:
    """The health of several servers that share the records."""
    return StoreHealth(
        ok=all(each.ok for each in found),
        reasons=tuple(dict.fromkeys(reason for each in found for reason in each.reasons)),
        notes=tuple(dict.fromkeys(note for each in found for note in each.notes)),
    )


def _losing(info: Info, appendfsync: str | None) -> Iterator[str]:
    policy = info.get("maxmemory_policy", "unknown")
    if policy != "noeviction":
        yield f"maxmemory-policy is {policy}, which drops records when memory is short: noeviction"
    if not info.get("aof_enabled"):
        yield "appendonly is off, so a restart forgets every record: yes"
    elif appendfsync == "no":
        yield "appendfsync is no, so a power failure forgets what was not yet written: always"


def _ailing(info: Info, replicas: int) -> Iterator[str]:
    if info.get("aof_enabled") and info.get("aof_last_write_status", "ok") != "ok":
        yield "the last write to the append-only file failed"
    if (connected := info.get("connected_slaves", 0)) < replicas:
        yield f"{connected} of {replicas} replicas are connected, so writes are refused"
    limit = info.get("maxmemory", 0)
    if limit and info.get("used_memory", 0) * 100 >= limit * 60:
        yield f"{info['used_memory'] * 100 // limit} % of maxmemory are used"


def _notable(info: Info, appendfsync: str | None) -> Iterator[str]:
    # The count of good replicas is told only where a number of them is asked for.
    if info.get("connected_slaves") and "min_slaves_good_slaves" not in info:
        yield (
            "min-replicas-to-write is 0: a primary that is cut off from its replicas goes on "
            "taking writes, and they are lost once another is in its place"
        )
    if not info.get("aof_enabled"):
        return
    if appendfsync is None:
        yield "appendfsync is unverified: the server does not let it be asked"
    elif appendfsync == "everysec":
        yield "appendfsync is everysec: a power failure loses up to about a second of records"
