"""What the settings say that replicas share: the stores, and the keys that are the same on all."""

import secrets
from collections.abc import Sequence
from time import monotonic

from gateway.idempotency.memory import MemoryStore
from gateway.idempotency.redis import RedisStore
from gateway.idempotency.sealing import EncryptionKey, Sealing
from gateway.idempotency.signing import SigningKey
from gateway.idempotency.store import OperationStore
from gateway.settings import Settings
from gateway.settings.sections import Sentinel
from gateway.shared.grants import Grants, MemoryGrants, RedisGrants
from gateway.shared.ledger import Keep, Ledger, MemoryLedger, RedisLedger
from gateway.shared.limits import Limits
from gateway.shared.moving import ClusterNodes, SentinelNodes, Sentinels
from gateway.shared.nodes import Nodes, OneNode, Tell, unheard
from gateway.shared.redis_limits import RedisLimits
from gateway.shared.shares import Shares
from gateway.shared.sliding import MemoryLimits
from gateway.shared.switches import MemorySwitches, RedisSwitches, Switches


def operations(settings: Settings, tell: Tell = unheard) -> OperationStore:
    """The store of writes: in this process where no Redis is configured."""
    nodes = nodes_of(settings, tell)
    return RedisStore(nodes) if nodes else MemoryStore()


def switches(settings: Settings, tell: Tell) -> Switches:
    """The switches of the breakers."""
    nodes = nodes_of(settings, tell)
    if nodes is None:
        return MemorySwitches(monotonic)
    return RedisSwitches(nodes, settings.file.environment)


def limits(settings: Settings, tell: Tell) -> Limits:
    """The counts of calls."""
    nodes = nodes_of(settings, tell)
    return Shares(RedisLimits(nodes)) if nodes else MemoryLimits()


def ledger(settings: Settings, tell: Tell) -> Ledger | None:
    """The records of requests; None where none are to be kept."""
    wanted = settings.file.request_ledger
    if not wanted.enabled:
        return None
    nodes, keep = nodes_of(settings, tell), Keep(hours=wanted.hours, records=wanted.max_records)
    return RedisLedger(nodes, keep) if nodes else MemoryLedger(keep, monotonic)


def grants(settings: Settings, tell: Tell) -> Grants:
    """The tokens that run out."""
    redis, nodes = settings.file.redis, nodes_of(settings, tell)
    if nodes is None:
        return MemoryGrants(monotonic)
    return RedisGrants(nodes, replicas=redis.wait_replicas, wait_ms=redis.wait_ms)


def sealing(settings: Settings) -> Sealing:
    """What seals at rest; with a key of chance where there is none, which needs no Redis."""
    configured = settings.file.secrets.encryption_keys
    if not configured:
        return Sealing.of_this_process()
    return Sealing(
        [EncryptionKey.from_base64(key.id, key.key.get_secret_value()) for key in configured]
    )


def signing_keys(settings: Settings) -> Sequence[SigningKey]:
    """The configured keys; one of chance where there are none, which only development permits."""
    configured = settings.file.secrets.signing_keys
    if not configured:
        return (SigningKey("process", secrets.token_bytes(32)),)
    return tuple(SigningKey(key.id, key.key.get_secret_value().encode()) for key in configured)


def nodes_of(settings: Settings, tell: Tell = unheard) -> Nodes | None:
    """Where the keys of a store lie; None where no Redis is configured."""
    redis = settings.file.redis
    if redis.url is None:
        return None
    url = redis.url.get_secret_value()
    if redis.sentinel:
        return SentinelNodes(url, _sentinels(redis.sentinel, url), tell)
    return ClusterNodes(url, tell) if redis.cluster else OneNode(url, tell)


def _sentinels(spelled: Sentinel, url: str) -> Sentinels:
    password = spelled.password
    return Sentinels(
        service=spelled.service,
        places=spelled.nodes,
        username=spelled.username,
        password=None if password is None else password.get_secret_value(),
        tls=url.startswith("rediss:") if spelled.tls is None else spelled.tls,
    )
