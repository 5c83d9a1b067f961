"""The command line: what each command prints, and the status that it ends with."""

import asyncio
import base64
import io
import os
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from gateway.__main__ import CONFIG_VARIABLE, main
from gateway.api.access import hash_key
from gateway.app import document
from gateway.canonical import json_text
from gateway.idempotency.addresses import address
from gateway.idempotency.redis import RedisStore
from gateway.sandbox import create_sandbox
from gateway.sandbox.configuration import configuration
from gateway.settings import parse
from gateway.vendors import installed
from tests.architecture.source_tree import ROOT
from tests.idempotency.bench import FACTS, FINGERPRINT, KEEP, LEASE, RedisBench
from tests.stores import SERVICE, watched

Capture = pytest.CaptureFixture[str]
COMMANDS = {"serve", "demo", "sandbox", "check", "openapi", "capabilities", "hash-key", "forget"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration is named but by the test."""
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)


@pytest.fixture(scope="module")
def vendors_url() -> Iterator[str]:
    """The simulated vendors on a port of this machine."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_sandbox(), log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


def config_file(folder: Path, text: str) -> str:
    """A configuration file of this text."""
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        capture_output=True,
        check=False,
        cwd=ROOT,
        encoding="utf-8",
        env={**os.environ, **environ},
        timeout=60,
    )


def test_the_module_is_the_command() -> None:
    """`python -m gateway` tells of every command."""
    helped = run("--help")
    assert helped.returncode == 0
    assert all(command in helped.stdout for command in COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["sell"], ["openapi", "--all"], ["check", "--config"]])
def test_a_misspelt_command_is_refused(arguments: list[str], capsys: Capture) -> None:
    """With how it is used, and status 2."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: gateway" in capsys.readouterr().err


def test_the_document_is_printed_as_it_is_served(capsys: Capture) -> None:
    """One JSON object, without any configuration."""
    assert main(["openapi"]) == 0
    printed = capsys.readouterr().out
    assert json_text.read(printed) == json_text.read(json_text.write(document()))


def test_the_document_is_the_same_in_every_process(capsys: Capture) -> None:
    """Byte for byte, so that a change of it is a change of the contract."""
    assert main(["openapi"]) == 0
    ours = capsys.readouterr().out
    for seed in ("1", "2"):
        assert run("openapi", PYTHONHASHSEED=seed).stdout == ours


def test_capabilities_of_all_vendors_are_printed(capsys: Capture) -> None:
    """As the API tells them without a connection."""
    assert main(["capabilities"]) == 0
    told = json_text.read(capsys.readouterr().out)
    assert list(told) == list(installed())
    for name, vendor in installed().items():
        dumped = json_text.read(json_text.write(vendor.capabilities().model_dump()))
        assert told[name] == dumped


def test_capabilities_of_one_vendor_are_printed(capsys: Capture) -> None:
    """And of no other."""
    assert main(["capabilities", "--vendor", "reevo"]) == 0
    assert list(json_text.read(capsys.readouterr().out)) == ["reevo"]


def test_an_unknown_vendor_is_refused_with_the_known(capsys: Capture) -> None:
    """On the error stream: whoever pipes the output gets none."""
    assert main(["capabilities", "--vendor", "acme"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert ", ".join(installed()) in printed.err


def test_capabilities_are_printed_as_a_table(capsys: Capture) -> None:
    """The README's: a column for each vendor."""
    assert main(["capabilities", "--markdown"]) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert all(vendor.title in head for vendor in installed().values())


@pytest.mark.parametrize("typed", ["my-key\n", "  my-key  \n", "my-key"])
def test_a_key_is_hashed(typed: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """From standard input, so that it is in no history; only its hash is printed."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert main(["hash-key"]) == 0
    assert capsys.readouterr().out == f"key_sha256 {hash_key('my-key')}\n"


def test_no_key_is_no_hash(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash of nothing would let everybody in who has nothing."""
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert main(["hash-key"]) == 2
    assert capsys.readouterr().out == ""


def test_a_new_key_is_made_with_its_hash(capsys: Capture) -> None:
    """Another one each time, long enough that nobody guesses it."""
    keys = set()
    for _ in range(3):
        assert main(["hash-key", "--new"]) == 0
        lines = dict(line.split() for line in capsys.readouterr().out.splitlines())
        assert lines["key_sha256"] == hash_key(lines["key"])
        assert len(lines["key"]) >= 40
        keys.add(lines["key"])
    assert len(keys) == 3


def test_the_sandbox_prints_connections_that_load(capsys: Capture) -> None:
    """To copy into a file for development."""
    assert main(["sandbox", "--configuration", "--port", "8099"]) == 0
    spelled = tomllib.loads(capsys.readouterr().out)
    settings = parse(spelled, {}, Path())
    assert {at.vendor.name for at in settings.connections.values()} == {
        "close", "coperniq", "reevo", "slant",
    }  # fmt: skip
    assert all(
        at.base_url.startswith("http://127.0.0.1:8099/") for at in settings.connections.values()
    )


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_configuration_has_to_be_named(command: str, capsys: Capture) -> None:
    """By the option or by the variable."""
    assert main([command]) == 2
    assert CONFIG_VARIABLE in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_bad_configuration_is_refused_with_every_fault(
    command: str, tmp_path: Path, capsys: Capture
) -> None:
    """A line each; nothing is started."""
    path = config_file(tmp_path, 'colour = 1\n[connections.a]\nvendor = "acme"\n')
    assert main([command, "--config", path]) == 2
    told = capsys.readouterr().err
    assert "colour: is not a setting" in told
    assert "connections.a.vendor: none is called 'acme'" in told


def test_several_workers_need_a_store_that_they_share(tmp_path: Path, capsys: Capture) -> None:
    """Also where the number comes from the command line: each would keep records of its own."""
    path = config_file(tmp_path, "")
    assert main(["serve", "--config", path, "--workers", "2"]) == 2
    assert "--workers: several workers need redis.url" in capsys.readouterr().err


def test_a_callers_stored_requests_and_answers_are_erased(
    redis_url: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the caller that is named and nobody else; the key still is not free."""
    kept = asyncio.run(with_records(redis_url, "billing", "sales"))
    monkeypatch.setenv("REDIS_URL", redis_url)
    path = config_file(tmp_path, STORED)
    assert main(["forget", "--config", path, "--caller", "billing"]) == 0
    assert capsys.readouterr().out.startswith("billing: 1 erased")
    assert asyncio.run(answers(redis_url, kept)) == {"billing": None, "sales": b"answer"}
    assert main(["forget", "--config", path, "--caller", "nobody"]) == 0
    assert capsys.readouterr().out.startswith("nobody: 0 erased")


def test_what_lies_behind_sentinels_is_erased_too(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is found as a replica finds it."""
    with watched(tmp_path, followers=0, sentinels=1) as company:
        kept = asyncio.run(with_records(company.owner().url, "billing"))
        monkeypatch.setenv("REDIS_URL", company.url)
        place = company.settings["sentinel"]["nodes"][0]
        behind = f'redis.sentinel = {{ service = "{SERVICE}", nodes = ["{place}"] }}\n'
        path = config_file(tmp_path, behind + STORED)
        assert main(["forget", "--config", path, "--caller", "billing"]) == 0
        assert capsys.readouterr().out.startswith("billing: 1 erased")
        assert asyncio.run(answers(company.owner().url, kept)) == {"billing": None}


def test_nothing_is_erased_where_nothing_is_stored(tmp_path: Path, capsys: Capture) -> None:
    """The embedded store is in another process, and ends with it."""
    assert main(["forget", "--config", config_file(tmp_path, ""), "--caller", "billing"]) == 2
    assert "redis.url" in capsys.readouterr().err


def test_erasing_says_when_the_store_is_away(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was erased then: status 1, without a trace."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}")
    assert main(["forget", "--config", config_file(tmp_path, STORED), "--caller", "a"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "The store of writes does not answer: try again shortly.\n"


STORED = f"""
redis.url = {{ env = "REDIS_URL" }}
[[secrets.signing_keys]]
id = "a"
key = "{"s" * 32}"
[[secrets.encryption_keys]]
id = "a"
key = "{base64.b64encode(b"k" * 32).decode()}"
"""


async def with_records(url: str, *callers: str) -> dict[str, str]:
    """A store that holds one ended record of each caller; where each lies."""
    await (await RedisBench.at(url)).store.close()
    store = RedisStore.at(url)
    kept = {caller: address("test", caller, b"key") for caller in callers}
    for caller, hex32 in kept.items():
        await store.begin(
            hex32, fingerprints=[FINGERPRINT], owner="a", lease_ms=LEASE, keep_ms=KEEP,
            facts={**FACTS, "caller": caller},
        )  # fmt: skip
        await store.complete(
            hex32, owner="a", fence=1, dispatch_fence=None, answer=b"answer", answer_status=201,
            outcome="applied", opportunity_id=None, code=None, keep_ms=KEEP,
        )  # fmt: skip
    await store.close()
    return kept


async def answers(url: str, kept: dict[str, str]) -> dict[str, bytes | None]:
    """What is stored of each caller; every record is still there."""
    store = RedisStore.at(url)
    records = {caller: await store.get(hex32) for caller, hex32 in kept.items()}
    await store.close()
    return {caller: record.answer for caller, record in records.items() if record}


def test_a_check_asks_every_connection(
    vendors_url: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is well: status 0, and a line for each that is switched on."""
    text = configuration(vendors_url).replace(
        "[connections.acme-reevo]\n", "[connections.acme-reevo]\nenabled = false\n"
    )
    monkeypatch.setenv(CONFIG_VARIABLE, config_file(tmp_path, text))
    assert main(["check"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "acme-close: ok", "acme-coperniq: ok", "acme-slant: ok",
    ]  # fmt: skip


def test_a_check_tells_what_is_wrong_with_each_connection(
    vendors_url: str, tmp_path: Path, capsys: Capture
) -> None:
    """Refused credentials here, nobody listening there: status 1, without a secret or a trace."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    text = configuration(vendors_url).replace(f"{vendors_url}/reevo", f"{nobody}/reevo")
    right = tomllib.loads(text)["connections"]["acme-close"]["credentials"]["api_key"]
    path = config_file(tmp_path, text.replace(right, "key_nobody"))
    assert main(["check", "--config", path]) == 1
    printed = capsys.readouterr()
    lines = dict(line.split(": ", 1) for line in printed.out.splitlines())
    assert lines["acme-close"].startswith("vendor-credentials-invalid")
    assert lines["acme-reevo"].startswith("vendor-unavailable")
    assert (lines["acme-coperniq"], lines["acme-slant"]) == ("ok", "ok")
    assert "key_nobody" not in printed.out + printed.err
    assert "Traceback" not in printed.err


def test_a_check_tells_of_a_field_that_cannot_hold_a_mark(
    vendors_url: str, tmp_path: Path, capsys: Capture
) -> None:
    """The definition is read from the vendor's catalogue; nothing is written there."""
    text = configuration(vendors_url).replace("gatewayMark", "leadSource")
    assert main(["check", "--config", config_file(tmp_path, text)]) == 1
    lines = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert lines["acme-coperniq"].startswith("options.marker_field: the custom field leadSource")
    assert (lines["acme-close"], lines["acme-reevo"]) == ("ok", "ok")
