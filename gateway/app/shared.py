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
from gateway.shared.grants import Grants, MemoryGrants, RedisGrants
from gateway.shared.limits import Limits
from gateway.shared.nodes import ClusterNodes, Nodes, OneNode
from gateway.shared.redis_limits import RedisLimits
from gateway.shared.shares import Shares
from gateway.shared.sliding import MemoryLimits
from gateway.shared.switches import MemorySwitches, RedisSwitches, Switches


def operations(settings: Settings) -> OperationStore:
    """The store of writes: in this process where no Redis is configured."""
    redis = settings.file.redis
    if redis.url is None:
        return MemoryStore()
    return RedisStore.at(redis.url.get_secret_value(), cluster=redis.cluster)


def switches(settings: Settings) -> Switches:
    """The switches of the breakers."""
    nodes = _nodes(settings)
    if nodes is None:
        return MemorySwitches(monotonic)
    return RedisSwitches(nodes, settings.file.environment)


def limits(settings: Settings) -> Limits:
    """The counts of calls."""
    redis = settings.file.redis
    if redis.url is None:
        return MemoryLimits()
    return Shares(RedisLimits.at(redis.url.get_secret_value(), cluster=redis.cluster))


def grants(settings: Settings) -> Grants:
    """The tokens that run out."""
    redis, nodes = settings.file.redis, _nodes(settings)
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


def _nodes(settings: Settings) -> Nodes | None:
    redis = settings.file.redis
    if redis.url is None:
        return None
    return (ClusterNodes if redis.cluster else OneNode)(redis.url.get_secret_value())
