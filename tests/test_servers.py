"""The real servers do what the tests that stand on them take for granted."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.servers import Balancer, RedisServer, free_port

StartRedis = Callable[..., RedisServer]
StartBalancer = Callable[[Sequence[int]], Balancer]


def test_the_shared_redis_serves(redis_url: str) -> None:
    """Scripts, TTLs and time are those of a real server."""
    with redis.Redis.from_url(redis_url) as client:
        assert client.eval("return redis.call('TIME')[1] > '1'", 0) == 1


def test_a_setting_reaches_the_server(start_redis: StartRedis) -> None:
    """Underscores stand for the hyphens of a setting's name."""
    server = start_redis(maxmemory_policy="allkeys-lru")
    assert server.ask("CONFIG", "GET", "maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}


@pytest.mark.parametrize(("appendonly", "kept"), [("yes", "1"), ("no", None)])
def test_a_killed_redis_comes_back_where_it_was(
    start_redis: StartRedis, appendonly: str, kept: str | None
) -> None:
    """On the same port, with what it had written down and nothing else."""
    server = start_redis(appendonly=appendonly, appendfsync="always")
    server.ask("SET", "a", 1)
    server.kill()
    assert not server.answers()
    server.start()
    assert server.ask("GET", "a") == kept


def test_a_paused_redis_answers_when_it_goes_on(start_redis: StartRedis) -> None:
    """Between the two its port takes connections and gives nothing back."""
    server = start_redis()
    server.pause()
    impatient = redis.Redis(port=server.port, socket_timeout=0.1, retry=Retry(NoBackoff(), 0))
    with impatient, pytest.raises(redis.TimeoutError):
        impatient.ping()
    server.resume()
    assert server.ask("PING")


def test_a_replica_follows(start_redis: StartRedis) -> None:
    """`WAIT` counts it."""
    primary = start_redis()
    start_redis(replicaof=f"127.0.0.1 {primary.port}")
    primary.ask("SET", "a", 1)
    assert primary.ask("WAIT", 1, 10_000) == 1


class Replica(ThreadingHTTPServer):
    """Counts the requests that reach it, and hangs up on each when it is to."""

    def __init__(self, *, rude: bool) -> None:
        self.rude = rude
        self.seen: Counter[str] = Counter()
        super().__init__(("127.0.0.1", 0), Answering)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class Answering(BaseHTTPRequestHandler):
    """Answers every method alike."""

    server: Replica

    def answer(self) -> None:
        """Notes the request; 204, or no answer at all."""
        self.server.seen[self.command] += 1
        if self.server.rude:
            self.close_connection = True
            return
        self.send_response(204)
        self.end_headers()

    do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - the names that the class looks for

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def replicas() -> Iterator[tuple[Replica, Replica]]:
    """One that hangs up after it has read the request, and one that answers."""
    with ExitStack() as stack:
        pair = stack.enter_context(Replica(rude=True)), stack.enter_context(Replica(rude=False))
        for replica in pair:
            Thread(target=replica.serve_forever, args=(0.01,)).start()
            stack.callback(replica.shutdown)
        yield pair


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_write_reaches_one_replica_only(
    start_balancer: StartBalancer, replicas: tuple[Replica, Replica], method: str
) -> None:
    """Also where the replica hangs up, so that nothing doubles behind the gateway's back."""
    balancer = start_balancer([replica.port for replica in replicas])
    with httpx.Client(base_url=balancer.url) as client:
        statuses = Counter(client.request(method, "/").status_code for _ in range(6))
    assert replicas[0].seen[method]
    assert replicas[1].seen[method]
    assert statuses == {502: replicas[0].seen[method], 204: replicas[1].seen[method]}


def test_a_read_is_repeated_at_the_other_replica(
    start_balancer: StartBalancer, replicas: tuple[Replica, Replica]
) -> None:
    """Reading twice harms nobody."""
    balancer = start_balancer([replica.port for replica in replicas])
    with httpx.Client(base_url=balancer.url) as client:
        assert {client.get("/").status_code for _ in range(4)} == {204}
    assert replicas[0].seen["GET"]


def test_a_replica_that_is_not_there_costs_no_read(start_balancer: StartBalancer) -> None:
    """A replica is killed, and reads go on."""
    with Replica(rude=False) as replica:
        Thread(target=replica.serve_forever, args=(0.01,)).start()
        balancer = start_balancer([free_port(), replica.port])
        with httpx.Client(base_url=balancer.url) as client:
            assert {client.get("/").status_code for _ in range(4)} == {204}
        replica.shutdown()
