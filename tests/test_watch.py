"""A changed configuration: callers and connections are taken on, all or nothing."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from gateway.api.access import hash_key
from gateway.app import create_app
from gateway.canonical import json_text
from gateway.sandbox import create_sandbox
from gateway.sandbox.configuration import configuration
from gateway.settings import Settings, load
from gateway.settings.watch import _Versions, follow
from gateway.telemetry import logs
from tests.sandboxed import SANDBOX_URL, InProcess

ONE = '[connections.one]\nvendor = "close"\ncredentials = { api_key = "k" }\n'
TWO = ONE.replace(".one", ".two")
OFTEN = 0.01
NEVER = 1e6


class Followed:
    """What following a file came to."""

    def __init__(self) -> None:
        self.taken: list[list[str]] = []
        self.refused: list[list[str]] = []

    def take(self, settings: Settings) -> None:
        """A configuration that is fit."""
        self.taken.append(list(settings.connections))

    @asynccontextmanager
    async def of(self, path: Path, every: float) -> AsyncIterator[None]:
        """Follows a file meanwhile."""
        task = asyncio.create_task(follow(path, self.take, self.refused.append, every=every))
        await asyncio.sleep(OFTEN)
        yield
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


async def until(holds: Callable[[], object]) -> None:
    """Waits until something holds; the test's own time limit ends it otherwise."""
    while not holds():  # noqa: ASYNC110 - what it waits for has no event
        await asyncio.sleep(OFTEN)


def rewritten(path: Path, text: str) -> None:
    """A file written anew, as an editor does, with a time of its own."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    later = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(later, later))


async def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    """Once for each change, and not without one."""
    path, followed = tmp_path / "gateway.toml", Followed()
    rewritten(path, ONE)
    async with followed.of(path, OFTEN):
        await asyncio.sleep(OFTEN * 5)
        assert followed.taken == []
        rewritten(path, ONE + TWO)
        await until(lambda: followed.taken)
        await asyncio.sleep(OFTEN * 5)
    assert followed.taken == [["one", "two"]]


async def test_included_files_are_followed_too(tmp_path: Path) -> None:
    """Those that change, those that come, and those that go."""
    path, more = tmp_path / "gateway.toml", tmp_path / "more.d" / "two.toml"
    followed = Followed()
    rewritten(path, 'include = ["more.d/*.toml"]\n' + ONE)
    async with followed.of(path, OFTEN):
        rewritten(more, TWO)
        await until(lambda: followed.taken)
        rewritten(more, TWO + TWO.replace("two", "three"))
        await until(lambda: len(followed.taken) == 2)
        more.unlink()
        await until(lambda: len(followed.taken) == 3)
    assert followed.taken == [["one", "two"], ["one", "three", "two"], ["one"]]


def test_a_file_is_read_for_its_includes_when_it_was_written_and_not_before(
    tmp_path: Path,
) -> None:
    """To read thousands of connections takes a second, and it is looked at every other one."""
    path, versions = tmp_path / "gateway.toml", _Versions(tmp_path / "gateway.toml")
    for name in ("a", "b"):
        rewritten(tmp_path / f"{name}.toml", "")

    def followed() -> list[str]:
        return [name.stem for name, *_ in versions.now()]

    rewritten(path, 'include = ["a.toml"]')
    assert followed() == ["gateway", "a"]
    before = path.stat().st_mtime_ns
    path.write_text('include = ["b.toml"]', encoding="utf-8")
    os.utime(path, ns=(before, before))
    assert followed() == ["gateway", "a"]
    os.utime(path, ns=(before + 1, before + 1))
    assert followed() == ["gateway", "b"]


async def test_a_file_that_is_not_fit_is_refused_whole(tmp_path: Path) -> None:
    """With its faults; the next fit one is taken on."""
    path, followed = tmp_path / "gateway.toml", Followed()
    rewritten(path, ONE)
    async with followed.of(path, OFTEN):
        rewritten(path, TWO + "colour = 1\n")
        await until(lambda: followed.refused)
        rewritten(path, TWO + "[")
        await until(lambda: len(followed.refused) == 2)
        path.unlink()
        await until(lambda: len(followed.refused) == 3)
        assert followed.taken == []
        rewritten(path, TWO)
        await until(lambda: followed.taken)
    assert followed.refused[0] == ["connections.two.colour: is not a setting"]
    assert "is not TOML" in followed.refused[1][0]
    assert followed.taken == [["two"]]


async def test_a_hangup_reads_the_file_at_once(tmp_path: Path) -> None:
    """Also one that did not change: a secret's file may have."""
    path, followed = tmp_path / "gateway.toml", Followed()
    rewritten(path, ONE)
    async with followed.of(path, NEVER):
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: followed.taken)
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: len(followed.taken) == 2)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


def caller(name: str) -> str:
    """A caller who may see everything."""
    return (
        f'[callers.{name}]\nkey_sha256 = "{hash_key(name)}"\nconnections = ["*"]\n'
        'scopes = ["opportunities:read"]\n'
    )


async def test_a_running_gateway_takes_on_callers_and_connections(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new key lets in, an old one no longer, a cursor leads on; a bad file changes nothing."""
    logs.configure()
    path, accounts = tmp_path / "gateway.toml", configuration(SANDBOX_URL)
    rewritten(path, caller("old") + caller("both") + accounts)
    app = create_app(load(path, {}), client=InProcess(create_sandbox()), file=path)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client,
    ):

        async def asked(key: str, query: str = "") -> httpx.Response:
            headers = {"Authorization": f"Bearer {key}"}
            where = f"/v1/opportunities?connection=acme-close&limit=5{query}"
            return await client.get(where, headers=headers)

        async def changed(text: str) -> None:
            before = app.state.house
            rewritten(path, text)
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: app.state.house is not before)

        first = await asked("both")
        cursor = json_text.read(first.content)["next_cursor"]
        assert (await asked("old")).status_code == 200
        await asyncio.sleep(OFTEN)
        await changed(caller("new") + caller("both") + accounts)
        assert [(await asked(key)).status_code for key in ("old", "new", "both")] == [401, 200, 200]
        assert (await asked("both", f"&cursor={cursor}")).status_code == 200

        off = accounts.replace(
            "[connections.acme-close]\n", "[connections.acme-close]\nenabled = false\n"
        )
        await changed(caller("both") + off)
        assert (await asked("both")).status_code == 503

        held = app.state.house
        rewritten(path, "colour = 1\n" + accounts)
        os.kill(os.getpid(), signal.SIGHUP)
        told = ""
        while "colour: is not a setting" not in told:
            await asyncio.sleep(OFTEN)
            told += capsys.readouterr().err
        assert app.state.house is held
        assert (await asked("both")).status_code == 503
