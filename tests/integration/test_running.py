"""How an operator runs it: several workers, an end in good order, and a check beforehand."""

import asyncio
from pathlib import Path

import pytest

from gateway.sandbox import close
from gateway.sandbox.configuration import configuration
from tests.integration.acts import SPOKEN
from tests.integration.programs import PATIENCE, Program, run
from tests.integration.sealed import sealed
from tests.integration.two_ends import VENDORS, Gateway, Sandbox

ATTEMPTS = 400
"""Requests after which a second worker that never served one does not exist."""


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_terminated_gateway_finishes_what_it_began(
    folder: Path,
    running: list[Program],
    sandbox_program: Program,
    sandbox: Sandbox,
    redis_url: str,
    workers: int,
) -> None:
    """SIGTERM lets the write that is under way be answered, and ends with status 0."""
    kept = sealed(folder, f"ending-{workers}", configuration(sandbox_program.url), redis_url)
    program = Program.start(
        f"ending gateway of {workers}", folder,
        "serve", "--config", str(kept.config), "--workers", str(workers), env=kept.env,
    )  # fmt: skip
    running.append(program)
    program.ready("/livez")
    act = SPOKEN["close"].act("create", "acme-close", "")
    async with Gateway.at(program.url) as gateway:
        await act.spoil(sandbox, "close", {"kind": "delay", "seconds": 1})
        asked = asyncio.create_task(act.ask(gateway))
        while not act.calls(await sandbox.ledger("close")):
            assert not asked.done(), asked.result().content
            await asyncio.sleep(0.01)
        status = await asyncio.to_thread(program.end)
        assert (await asked).status == 201
    assert status == 0
    assert "Traceback" not in program.text()


async def test_workers_accept_each_others_cursors(
    folder: Path, running: list[Program], sandbox_program: Program, sandbox: Sandbox, redis_url: str
) -> None:
    """A cursor that one worker signed is read by the other: both know the configured key."""
    kept = sealed(folder, "workers", configuration(sandbox_program.url), redis_url)
    program = Program.start(
        "gateway of two", folder, "serve", "--config", str(kept.config), "--workers", "2",
        env=kept.env,
    )  # fmt: skip
    running.append(program)
    program.ready("/livez")

    async def catalogues() -> int:
        """Reevo's schema is read once by each worker that lists."""
        return len((await sandbox.ledger("reevo")).calls("GET", "/_schema/"))

    async with Gateway.at(program.url) as gateway:
        first = await gateway.ask("GET", "/v1/opportunities?connection=acme-reevo&limit=5")
        assert (first.status, await catalogues()) == (200, 1)
        path = f"/v1/opportunities?connection=acme-reevo&limit=5&cursor={first.json['next_cursor']}"
        pages = set()
        for _ in range(0, ATTEMPTS, 10):
            answers = await asyncio.gather(*(gateway.ask("GET", path) for _ in range(10)))
            assert {answer.status for answer in answers} == {200}
            pages |= {tuple(item["id"] for item in answer.json["items"]) for answer in answers}
            if await catalogues() == 2:
                break
        assert await catalogues() == 2
        assert len(pages) == 1
        forged = await gateway.ask("GET", f"{path}x")
        assert (forged.status, forged.code) == (400, "invalid-cursor")


def test_several_workers_need_what_they_share(folder: Path) -> None:
    """Each worker's own store would run a write again, its own key make cursors strangers."""
    config = folder / "keyless.toml"
    config.write_text("[server]\nworkers = 2\n", encoding="utf-8")
    with run("serve", "--config", str(config)) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, "")
    for name in ("redis.url", "secrets.signing_keys", "secrets.encryption_keys"):
        assert f"{name}: several workers need one" in err


async def test_a_check_says_ok_for_every_connection(
    folder: Path, sandbox_program: Program, sandbox: Sandbox, redis_url: str
) -> None:
    """Each vendor is asked with its credentials, and nothing is written."""
    kept = sealed(folder, "check", configuration(sandbox_program.url), redis_url)
    with run("check", "--config", str(kept.config), env=kept.env) as process:
        out, err = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert sorted(out.splitlines()) == sorted(f"acme-{vendor}: ok" for vendor in VENDORS)
    for vendor in VENDORS:
        ledger = await sandbox.ledger(vendor)
        assert ledger.requests
        assert ledger.effects == []


async def test_a_check_names_the_connection_whose_credential_is_wrong(
    folder: Path, sandbox_program: Program, sandbox: Sandbox, redis_url: str
) -> None:
    """One wrong key is a status of 1, told without the key, and the others are checked as well."""
    wrong = configuration(sandbox_program.url).replace(close.API_KEY, "api_canary0wrong0key")
    kept = sealed(folder, "wrong", wrong, redis_url)
    with run("check", "--config", str(kept.config), env=kept.env) as process:
        out, err = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
    assert process.returncode == 1
    lines = dict(line.split(": ", 1) for line in out.splitlines())
    assert lines.pop("acme-close").startswith("vendor-credentials-invalid")
    assert set(lines.values()) == {"ok"}
    assert "api_canary0wrong0key" not in out + err
