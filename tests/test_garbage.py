"""The garbage collector of a worker leaves alone what stays."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import exceptions
from starlette.requests import Request

from gateway.api.visit import Visit
from gateway.app import create_app
from gateway.app.garbage import SELDOM, look_seldom, settle
from gateway.errors import StoreUnavailable
from gateway.settings import load
from gateway.shared.calls import Calls
from gateway.shared.nodes import OneNode
from gateway.telemetry.hooks import Hooks
from tests.faults.waiting import until
from tests.records import OPPORTUNITIES, draft, made, path_of
from tests.sandboxed import sandboxed


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.enable()
    gc.set_threshold(*before)
    gc.unfreeze()


def test_what_is_there_is_left_alone_from_then_on() -> None:
    """Also a second time: what was left alone and is garbage by then goes."""

    class Circle:
        def __init__(self) -> None:
            self.itself = self

    circle = Circle()
    settle()
    frozen = gc.get_freeze_count()
    assert frozen
    del circle
    gc.collect()
    assert gc.get_freeze_count() == frozen
    settle()
    assert not [each for each in gc.get_objects() if type(each) is Circle]
    assert gc.get_freeze_count() < frozen + 100


def test_it_looks_seldom() -> None:
    """As often as was measured to be best."""
    look_seldom()
    assert gc.get_threshold() == SELDOM


async def test_a_worker_settles_when_it_has_started_and_when_it_took_on_a_change(
    tmp_path: Path,
) -> None:
    """Which leaves a house behind that is garbage."""
    path, settled, heard = tmp_path / "gateway.toml", list[int](), list[int]()
    path.write_text("", encoding="utf-8")
    hooks = Hooks(taken_on=lambda: heard.append(1))
    app = create_app(load(path, {}), hooks=hooks, file=path, settled=lambda: settled.append(1))
    assert settled == []
    async with app.router.lifespan_context(app):
        assert settled == [1]
        assert await until(lambda: signal.getsignal(signal.SIGHUP) != signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGHUP)
        assert await until(lambda: bool(heard))
        assert settled == [1, 1]


async def test_what_was_answered_goes_without_the_collector() -> None:
    """A request in a circle would stay until it looks, with all that belongs to it."""
    async with sandboxed() as house:
        path = path_of(await made(house, "close"))
        requests = (
            ("GET", path, None, 200),
            ("PATCH", path, {"name": "Harbour"}, 200),
            ("PATCH", path, {"name": 1}, 422),
            ("POST", OPPORTUNITIES, draft("close"), 201),
            ("GET", f"{OPPORTUNITIES}?connection=acme-close", None, 200),
            ("GET", f"{path}0", None, 404),
            ("GET", "/nowhere", None, 404),
        )
        gc.collect()
        gc.disable()
        for method, asked, body, status in requests:
            assert (await house.ask(method, asked, body)).status == status
        assert not [each for each in gc.get_objects() if isinstance(each, Request)]


@pytest.mark.parametrize("kind", ["reset", "garbage", "hang"])
async def test_what_failed_at_its_vendor_goes_without_the_collector(kind: str) -> None:
    """What was raised holds the frames that it went through: none of them may hold it."""
    async with sandboxed() as house:
        path = path_of(await made(house, "close"))
        house.vendor("close").faults.add({"fault": {"kind": kind}, "times": 50})
        gc.collect()
        gc.disable()
        for method, body in (("GET", None), ("PATCH", {"name": "Harbour"})):
            assert (await house.ask(method, path, body, X_Request_Timeout_Ms="300")).status >= 500
        assert not [each for each in gc.get_objects() if isinstance(each, Visit)]


async def test_what_a_store_refused_goes_without_the_collector() -> None:
    """A store that is away or says no: what it raised is told in other words."""

    class Asked:
        """What a call holds."""

        def __init__(self, trouble: type[Exception]) -> None:
            self.trouble = trouble

        async def ask(self) -> None:
            raise self.trouble

    nodes = OneNode("redis://redis.invalid/0")
    gc.collect()
    gc.disable()
    for kind in (exceptions.ResponseError, exceptions.ConnectionError):
        with pytest.raises(StoreUnavailable):
            await Calls(nodes).reach(Asked(kind).ask, again=False)
    assert not [each for each in gc.get_objects() if type(each) is Asked]
    await nodes.close()
