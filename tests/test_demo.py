"""The tour shows what it promises, notices what does not come true, and leaves nothing running."""

import http.client
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.api.access import SCOPES
from gateway.demo import tour
from gateway.demo.house import CONFIGURATION, ProgramDied, running
from gateway.demo.scenes import SCENES
from gateway.demo.steps import Scene, Seen, Step

COMMAND = [sys.executable, "-m", "gateway", "demo", "--port", "0"]
WIDTH = 72
STEPS = sum(len(scene.steps) for scene in SCENES)


def with_fault(step: Step, **fault: object) -> Scene:
    """A scene of one step whose next vendor call goes wrong."""
    return Scene("broken", "Something goes wrong.", [replace(step, fault={"fault": fault})])


@contextmanager
def served() -> Iterator[subprocess.Popen[str]]:
    """The demo as a process of its own."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as demo:
        try:
            yield demo
        finally:
            demo.terminate()


@pytest.fixture(scope="module")
def toured() -> subprocess.CompletedProcess[str]:
    """The tour in a narrow terminal that is none."""
    environment = {**os.environ, "COLUMNS": str(WIDTH)}
    return subprocess.run(
        [*COMMAND, "--exit"], capture_output=True, text=True, env=environment, check=False
    )


def test_the_tour_comes_out_as_expected(toured: subprocess.CompletedProcess[str]) -> None:
    """`gateway demo --exit` shows every scene, each step as expected, and ends with status 0."""
    assert toured.returncode == 0, toured.stdout + toured.stderr
    for scene in SCENES:
        assert scene.heading in toured.stdout
    assert f"{STEPS} of {STEPS} steps came out as expected." in toured.stdout
    assert toured.stderr == ""


def test_the_tour_fits_where_it_is_shown(toured: subprocess.CompletedProcess[str]) -> None:
    """No line is longer than the terminal is wide, and a pipe gets no colours."""
    assert max(map(len, toured.stdout.splitlines())) <= WIDTH
    assert "\033" not in toured.stdout


def test_a_step_that_does_not_come_out_as_expected_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A vendor that breaks down under the tour makes its status 1, with what was wrong."""
    scene = with_fault(SCENES[0].steps[0], kind="status", status=503)
    assert tour(port=0, ends=True, scenes=[scene]) == 1
    told = capsys.readouterr().out
    assert "NOT AS EXPECTED: the status is 502, not 201" in told
    assert "NOT AS EXPECTED: the number of changes at the vendor is 0, not 1" in told
    assert "0 of 1 steps came out as expected." in told


CAME = Seen(
    vendor="slant",
    status=201,
    headers={"idempotency-status": "replayed"},
    answer={"name": "Pier", "tags": []},
    calls=[],
    effects=1,
    same=True,
)
PROMISED = replace(
    SCENES[0].steps[0],
    expects={"/name": "Pier", "/tags/0": None, "/email": None},
    answered={"Idempotency-Status": "replayed"},
    same=True,
)


def test_a_promise_that_came_true_is_not_complained_of() -> None:
    """What is as it should be gives no difference."""
    assert PROMISED.wrong(CAME) == []


@pytest.mark.parametrize(
    ("came", "told"),
    [
        (replace(CAME, status=200), ["the status is 200, not 201"]),
        (replace(CAME, effects=2), ["the number of changes at the vendor is 2, not 1"]),
        (replace(CAME, answer={"name": "Quay"}), ['/name is "Quay", not "Pier"']),
        (replace(CAME, answer={}), ['/name is null, not "Pier"']),
        (replace(CAME, answer={"name": "Pier", "tags": [1]}), ["/tags/0 is 1, not null"]),
        (replace(CAME, headers={}), ['Idempotency-Status is null, not "replayed"']),
        (replace(CAME, same=False), ["that it is the answer before is false, not true"]),
    ],
)
def test_every_kind_of_promise_can_be_broken(came: Seen, told: list[str]) -> None:
    """A wrong status, count of changes, header, member or text of the answer is each a failure."""
    assert PROMISED.wrong(came) == told


def test_what_nobody_promised_may_be_otherwise() -> None:
    """Only a step that promises the answer before is held to it."""
    assert replace(PROMISED, same=False).wrong(replace(CAME, same=False)) == []


def test_a_step_is_filled_in_with_what_was_made() -> None:
    """The opportunity and the operation stand wherever the step names them."""
    step = replace(PROMISED, ask="GET /{operation}", body={"a": "{id}"}, expects={"/id": "{id}"})
    filled = step.about({"id": "acme-slant.1", "operation": "op_1"})
    assert (filled.ask, filled.body) == ("GET /op_1", {"a": "acme-slant.1"})
    assert filled.expects == {"/id": "acme-slant.1"}


def test_the_demo_serves_after_the_tour_until_it_is_told_to_stop() -> None:
    """SIGTERM ends it as Ctrl-C does: with status 0, and with both of its programs."""
    with served() as demo:
        assert demo.stdout is not None
        told = ""
        while "Every operation" not in told:
            line = demo.stdout.readline()
            assert line, told
            told += line
        assert re.search(r"console: http://127\.0\.0\.1:\d+/console\n.*: demo-key\n", told)
        ports = [int(port) for port in re.findall(r"at http://127\.0\.0\.1:(\d+)", told)]
        assert [answers(port) for port in ports] == [True, True]
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(30) == 0
    assert [answers(port) for port in ports] == [False, False]


def test_the_key_of_the_demo_opens_everything() -> None:
    """Every scope and every connection, so that no panel of the console is shut."""
    caller = tomllib.loads(CONFIGURATION)["callers"]["demo"]
    assert sorted(caller["scopes"]) == sorted(SCOPES)
    assert caller["connections"] == ["*"]


def test_a_program_that_dies_ends_the_demo(tmp_path: Path) -> None:
    """What is left is ended too."""
    with running(0, tmp_path) as house:
        house.programs["sandbox"].kill()
        with pytest.raises(ProgramDied, match="The sandbox ended"):
            house.last()
    assert all(program.returncode is not None for program in house.programs.values())


def test_a_port_that_is_taken_is_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The gateway takes another port and says so."""
    with running(0, tmp_path) as first:
        taken = first.ports["gateway"]
        with running(taken, tmp_path) as second:
            assert second.ports["gateway"] != taken
    assert f"Port {taken} is taken" in capsys.readouterr().out


def answers(port: int) -> bool:
    """Whether somebody serves HTTP at a port."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status > 0
    except ConnectionError:
        return False
    finally:
        connection.close()
