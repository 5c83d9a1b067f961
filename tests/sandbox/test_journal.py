"""The ledger in a file: one line for every effect, on disk before anybody hears of it."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.__main__ import main
from gateway.sandbox import close_seed, create_sandbox
from gateway.sandbox.close import API_KEY
from gateway.sandbox.journal import Journal
from gateway.sandbox.slant import READ_WRITE_TOKEN
from gateway.sandbox.slant_seed import BOOK_EAST
from tests.architecture.source_tree import ROOT
from tests.servers import free_port

SLANT = "/slant/v1/opportunities"
CLOSE = "/close/api/v1/opportunity/"
BEARER = {"authorization": f"Bearer {READ_WRITE_TOKEN}"}
DEAL = {"book_id": BOOK_EAST, "name": "Deal tag-a1-b2, urgent", "pipeline_type": "prospect"}
NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
MARK = f"custom.{close_seed.field_id('Gateway mark')}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@pytest.fixture
async def sandbox(file: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_sandbox(lambda: NOW, Journal(file)))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        yield client


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


async def test_a_line_tells_everything_that_a_write_can_be_known_by(
    sandbox: httpx.AsyncClient, file: Path
) -> None:
    content = json.dumps(DEAL, indent=2).encode()
    headers = {**BEARER, "content-type": "application/json", "idempotency-key": "derived-1"}
    created = (await sandbox.post(SLANT, content=content, headers=headers)).json()
    (line,) = lines(file)
    assert line == {
        "seq": 1,
        "ts": "2026-03-04T05:06:07.890123+00:00",
        "vendor": "slant",
        "effect": "create",
        "dedupe_hit": False,
        "method": "POST",
        "path": "/v1/opportunities",
        "record_id": created["id"],
        "marker": None,
        "tag": "tag-a1-b2",
        "derived_key": "derived-1",
        "body_sha256": hashlib.sha256(content).hexdigest(),
    }


async def test_a_marker_is_told_wherever_in_the_body_it_stands(
    sandbox: httpx.AsyncClient, file: Path
) -> None:
    body = {"note": "about uog-nothing, tag-7", MARK: "uog-abcdefghijklmnop"}
    await sandbox.post(CLOSE, json=body, auth=(API_KEY, ""))
    (line,) = lines(file)
    assert (line["marker"], line["tag"]) == ("uog-abcdefghijklmnop", "tag-7")


async def test_a_write_without_a_body_is_known_by_its_query(
    sandbox: httpx.AsyncClient, file: Path
) -> None:
    record_id = next(iter((await sandbox.get("/close/_records")).json()))
    query = {"why": "because of tag-9"}
    await sandbox.delete(f"{CLOSE}{record_id}/", params=query, auth=(API_KEY, ""))
    (line,) = lines(file)
    assert (line["effect"], line["record_id"]) == ("delete", record_id)
    assert (line["tag"], line["marker"], line["derived_key"]) == ("tag-9", None, None)


async def test_a_read_and_a_refused_write_leave_no_line(
    sandbox: httpx.AsyncClient, file: Path
) -> None:
    await sandbox.get(SLANT, headers=BEARER)
    await sandbox.post(SLANT, json={"name": "tag-1"}, headers=BEARER)
    assert lines(file) == []


async def test_a_write_that_slant_knows_by_its_key_leaves_a_line_without_an_effect(
    sandbox: httpx.AsyncClient, file: Path
) -> None:
    headers = {**BEARER, "idempotency-key": "derived-1"}
    for _ in range(2):
        await sandbox.post(SLANT, json=DEAL, headers=headers)
    told = [(line["seq"], line["effect"], line["dedupe_hit"]) for line in lines(file)]
    assert told == [(1, "create", False), (2, None, True)]
    assert {line["derived_key"] for line in lines(file)} == {"derived-1"}
    assert len((await sandbox.get("/slant/_ledger")).json()["effects"]) == 1


async def test_the_file_keeps_what_a_reset_and_a_new_process_forget(
    sandbox: httpx.AsyncClient, file: Path
) -> None:
    await sandbox.post(SLANT, json=DEAL, headers=BEARER)
    await sandbox.post("/slant/_reset")
    await sandbox.post(CLOSE, json={}, auth=(API_KEY, ""))
    again = create_sandbox(journal=Journal(file))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=again), base_url="http://sandbox"
    ) as client:
        await client.post(SLANT, json=DEAL, headers=BEARER)
    told = [(line["seq"], line["vendor"]) for line in lines(file)]
    assert told == [(1, "slant"), (2, "close"), (3, "slant")]


async def test_a_line_is_there_before_an_answer_that_never_comes(
    sandbox: httpx.AsyncClient, file: Path
) -> None:
    await sandbox.post("/slant/_faults", json={"fault": {"kind": "reset"}, "when": "after"})
    with pytest.raises(ConnectionResetError):
        await sandbox.post(SLANT, json=DEAL, headers=BEARER)
    assert [line["tag"] for line in lines(file)] == ["tag-a1-b2"]


def test_the_command_writes_the_file_and_a_kill_takes_nothing_away(file: Path) -> None:
    port = free_port()
    arguments = ["sandbox", "--port", str(port), "--ledger", str(file)]
    with subprocess.Popen([sys.executable, "-m", "gateway", *arguments], cwd=ROOT) as process:
        try:
            post_when_it_answers(f"http://127.0.0.1:{port}{SLANT}")
        finally:
            process.kill()
    assert [line["tag"] for line in lines(file)] == ["tag-a1-b2"]


def post_when_it_answers(url: str) -> None:
    patient_until = time.monotonic() + 20
    while True:
        try:
            assert httpx.post(url, json=DEAL, headers=BEARER).status_code == 201
            return
        except httpx.ConnectError:
            assert time.monotonic() < patient_until
            time.sleep(0.05)


def test_a_file_that_cannot_be_written_ends_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sandbox", "--ledger", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("--ledger: ")
