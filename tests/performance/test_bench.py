"""The bench's own pieces work; what it finds is no test's business."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.idempotency.addresses import ended_key
from tests.performance.bench import houses, meter, report, rooms
from tests.performance.bench.cross import read
from tests.performance.bench.goals import GOALS, Goal, Measured
from tests.performance.bench.growth import multiplied
from tests.performance.bench.houses import Street, street
from tests.performance.bench.load import KEY_MARK
from tests.performance.bench.recording import RECORDS, Recording, another
from tests.performance.bench.refusals import refused
from tests.performance.bench.requests import PATCH
from tests.performance.bench.rounds import asked, direct, medians
from tests.servers import RedisServer

RECORD = "oppo_123"
PRINTED = """\
  Latency Distribution
     50%  850.00us
     75%    1.10ms
     99%    1.50s
  1200 requests in 2.00s, 1.10MB read
  Socket errors: connect 0, read 2, write 0, timeout 1
  Non-2xx or 3xx responses: 4
Requests/sec:    600.00
"""


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Street]:
    """Redis, the vendors with one record and its copies, and the loader."""
    said = {"status": 200, "headers": [["x-seen", "yes"]], "body": json.dumps({"id": RECORD})}
    recording = Recording({f"PATCH /things/{RECORD}": said}, {RECORD})
    recording.multiply()
    with street(tmp_path, recording) as found:
        yield found


def patch(target: str) -> dict[str, str]:
    """A request as the loader takes it."""
    return direct(PATCH, target)


def test_a_recording_answers_for_many_records() -> None:
    """Each under its own id, as writers to one record would wait for each other."""
    recording = Recording({"GET /v7/a/7?x=7": {"status": 200, "body": '{"id": 7, "n": 7}'}}, {"7"})
    recording.multiply()
    other = another("7", RECORDS - 1)
    assert len(recording.answers) == RECORDS + 1
    body = json.loads(recording.answers[f"GET /v7/a/{other}?x=7"]["body"])
    assert body == {"id": int(other), "n": 7}


def test_a_recorded_list_is_as_long_as_is_said() -> None:
    """No record comes twice, and the last page is told by the vendor itself."""
    body = json.dumps({"data": [{"id": "oppo_123"}, {"id": "oppo_124"}], "has_more": False})
    recording = Recording({"GET /list?a=1": {"status": 200, "body": body}})
    recording.lengthen("GET /list?a=1", pages=2, rows=3)
    targets = ("GET /list?a=1", "GET /list?a=1&_skip=3")
    pages = [json.loads(recording.answers[target]["body"]) for target in targets]
    assert [page["has_more"] for page in pages] == [True, False]
    assert len({record["id"] for page in pages for record in page["data"]}) == 6


def test_the_vendors_answer_what_was_recorded_and_the_loader_counts_it(at: Street) -> None:
    """So many requests as were wanted; what is answered otherwise has failed."""
    told = asked(at, None, [patch(f"/things/{another(RECORD, 3)}")], at_once=4, count=40)
    assert (told["count"], told["failed"]) == (40, 0)
    assert 0 < told["p50_ms"] <= told["p99_ms"]
    told = asked(at, None, [patch("/things/unknown")], at_once=2, count=10)
    assert (told["count"], told["failed"]) == (10, 10)


def test_a_vendor_can_be_slow(at: Street) -> None:
    """As long as its path says, and no answer comes before."""
    told = asked(at, None, [patch(f"/wait-20/things/{RECORD}")], at_once=1, count=3)
    assert told["failed"] == 0
    assert told["p50_ms"] >= 20


def test_requests_can_come_at_a_rate(at: Street) -> None:
    """Whether earlier ones were answered or not: their times count from when they were due."""
    slow = patch(f"/wait-200/things/{RECORD}")
    told = asked(at, None, [slow], at_once=1, rate=20, seconds=0.5)
    assert told["count"] >= 9
    assert told["p99_ms"] > 400


def test_a_peer_is_measured_by_the_kernels_books(at: Street) -> None:
    """Processor and memory are those of its own process."""
    house = houses.app(at, "B", "fixed", "--factory", fixed="{}")
    told = asked(at, house, [patch("/v1/opportunities/a.b")], at_once=4, count=200)
    assert told["failed"] == 0
    assert told["cpu_us"] > 0
    assert house.memory > 10
    assert house.started > 0
    houses.end(house)
    assert house.process.poll() is not None


def test_a_gateway_tells_where_its_time_goes_and_what_it_refused(at: Street) -> None:
    """By its rooms, since it was asked the last time; refusals by their codes, from its log."""
    file = at.folder / "samples.json"
    house = houses.gateway(at, sampled=file)
    rooms.samples(house.process.pid, file)
    told = asked(at, house, [patch("/v1/unknown")], at_once=4, count=400)
    found = rooms.samples(house.process.pid, file)
    shares = rooms.shares(found)
    assert told["failed"] == 400
    assert "api" in shares
    assert sum(shares.values()) == pytest.approx(1)
    houses.end(house)
    assert refused(at.folder) == {"G 404 route-not-found": 400}


def test_each_write_has_a_key_of_its_own() -> None:
    """The loader puts it where the request has its mark."""
    assert KEY_MARK.decode() in patch("/")["head"]


def test_the_meter_counts_a_whole_family() -> None:
    """What a process started counts as its own."""
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as parent:
        while len(meter.family(parent.pid)) < 2:
            assert parent.poll() is None
        pids = meter.family(parent.pid)
        assert pids[0] == parent.pid
        assert meter.resident_mb(pids) > meter.resident_mb(pids[:1])
    before = meter.cpu_seconds([os.getpid()])
    assert sum(range(1_000_000))
    assert meter.cpu_seconds([os.getpid()]) > before


def test_a_round_to_redis_is_timed(start_redis: Callable[..., RedisServer]) -> None:
    """What no gateway in between can be faster than."""
    assert 0 < meter.round_trip_ms(start_redis().port, times=10) < 1000


def test_a_goal_knows_the_best_bound_that_holds() -> None:
    """At most, or at least where it says so."""
    most = Goal(1, "cost", (2.0, 1.5, 1.0), lambda _: 0.0)
    least = Goal(1, "rate", (1.0, 1.5, 2.0), lambda _: 0.0, least=True)
    verdicts = ["stretch", "target", "must", "missed"]
    assert [most.verdict(figure) for figure in (1.0, 1.5, 2.0, 2.1)] == verdicts
    assert [least.verdict(figure) for figure in (2.0, 1.5, 1.0, 0.9)] == verdicts
    assert [most.holds(figure) for figure in (1.5, 2.0)] == [True, False]


def test_the_table_has_what_was_measured_and_no_goal_without_it(tmp_path: Path) -> None:
    """The same is written as JSON."""
    numbers = {"cpu_us": 90.0, "rps": 10.0, "p50_ms": 1.0, "p99_ms": 1.2, "failed": 0.0}
    found: Measured = {"G c=64": {**numbers, "cpu_us": 360.0}, "B c=64": numbers}
    wanted = {(2, "stretch"): 4.0, (9, "stretch"): 1.2, (18, "stretch"): 0.0}
    rows = report.verdicts(found)
    assert {(row["number"], row["verdict"]): row["figure"] for row in rows} == wanted
    assert report.all_hold(found)
    table = "\n".join(report.lines(found))
    assert "CPU G / B" in table
    assert "CPU G / P" not in table
    report.write(found, tmp_path / "bench.json")
    assert json.loads((tmp_path / "bench.json").read_text())["measured"] == found
    failed = {**found, "G mix": {**numbers, "failed": 1.0}}
    assert not report.all_hold(failed)


def test_goals_are_told_once_each() -> None:
    """By their words; a number may have two."""
    assert len({goal.what for goal in GOALS}) == len(GOALS)


def test_the_median_forgives_no_failure() -> None:
    """Of everything else it is the middle round."""
    rounds = [{"G": {"rps": rps, "failed": failed}} for rps, failed in ((1, 0), (9, 2), (3, 0))]
    assert medians(rounds) == {"G": {"rps": 3, "failed": 2}}


def test_operations_are_multiplied_as_old_ones_are_kept(
    start_redis: Callable[..., RedisServer],
) -> None:
    """Compact, each in its bucket and in the list of those that have ended."""
    redis, hex32 = start_redis(), "ab" + "0" * 30
    record = f"uog:1:{{bab}}:op:{hex32}"
    redis.ask("HSET", record, "st", "completed", "te", 5, "req", "x", "resp", "y", "n", 1)
    before = redis.ask("DBSIZE")
    multiplied(redis, 1000)
    assert before == 1
    copies = redis.ask("KEYS", "uog:1:{bcd}:op:cd*")
    assert isinstance(copies, list)
    assert len(copies) == 100
    assert redis.ask("HGETALL", copies[0]) == {"st": "completed", "te": "5", "n": "1"}
    assert redis.ask("ZCOUNT", ended_key("cd"), 5, 5) == 100


def test_what_wrk_prints_is_read() -> None:
    """Its times are in units of its own, and its failures of several kinds."""
    told = read(PRINTED)
    assert told == {"count": 1200, "rps": 600, "p50_ms": 0.85, "p99_ms": 1500, "failed": 7}
