"""What must not be told: credentials to nobody, personal data to no log."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.sandbox import close, coperniq, reevo, slant
from gateway.sandbox.configuration import configuration
from tests.integration.acts import OPERATIONS, SPOKEN
from tests.integration.programs import Program
from tests.integration.sealed import ENCRYPTION_KEY, SIGNING_KEY, sealed
from tests.integration.two_ends import VENDORS, Gateway, Sandbox
from tests.sandboxed import KEY, Answered

PERSON = "Quillon Featherstonehaugh"
MAIL = "quillon@featherstonehaugh.example"
PHONE = "+44-20-5550-0199"
DISEASE = "recovers from a rare disease"
PERSONAL = (PERSON, MAIL, PHONE, DISEASE, "Quillon", "featherstonehaugh")

OWN = (slant.READ_WRITE_TOKEN, coperniq.API_KEY, close.API_KEY, reevo.READ_WRITE_KEY)
CANARIES = tuple(secret.replace("sandbox", "canary") for secret in OWN)


def coded(secret: str) -> str:
    """A key as HTTP Basic sends it."""
    return base64.b64encode(f"{secret}:".encode()).decode()


SECRETS = (*OWN, *CANARIES, *map(coded, (*OWN, *CANARIES)), SIGNING_KEY, ENCRYPTION_KEY, KEY)

DRAFTS: dict[str, dict[str, Any]] = {
    "slant": {"name": PERSON, "custom_fields": {"source": MAIL}},
    "coperniq": {"name": PERSON, "description": DISEASE, "contacts": [{"email": MAIL}]},
    "close": {"name": PERSON, "description": f"{DISEASE}, {PHONE}"},
    "reevo": {"name": PERSON, "vendor_fields": {"next_step_details": DISEASE}},
}


@pytest.fixture(scope="module")
def program(
    folder: Path, running: list[Program], sandbox_program: Program, redis_url: str
) -> Program:
    """A production gateway that logs all it ever logs, with good credentials and with bad ones."""
    good = configuration(sandbox_program.url)
    bad = good.replace("sandbox", "canary").replace("connections.acme-", "connections.canary-")
    kept = sealed(folder, "production", good + bad, redis_url)
    started = Program.start(
        "production gateway", folder, "serve", "--config", str(kept.config), env=kept.env
    )
    running.append(started)
    return started.ready("/livez")


@pytest.fixture(scope="module")
async def production(program: Program) -> AsyncIterator[Gateway]:
    """The same, to be asked."""
    async with Gateway.at(program.url) as gateway:
        yield gateway


async def everything_asked(gateway: Gateway, sandbox: Sandbox) -> list[Answered]:
    """Requests that succeed and requests that fail in every room of the house."""
    answers = []
    for vendor, secret in zip(VENDORS, OWN, strict=True):
        name = f"acme-{vendor}"
        draft = {"connection": name, **DRAFTS[vendor]}
        record_id = next(iter(await sandbox.records(vendor)))
        one = f"/v1/opportunities/{name}.{record_id}"
        sent = coded(secret) if vendor == "close" else secret
        echo = {"error": f"{secret} is no key of {PERSON}", "message": sent, "code": secret}
        answers += [
            await gateway.ask("POST", "/v1/opportunities", draft, Idempotency_Key=MAIL),
            await gateway.ask("GET", f"/v1/opportunities?connection={name}&q={PERSON}"),
            await gateway.ask("GET", f"/v1/opportunities?connection={name}&{MAIL}={PHONE}"),
            await gateway.ask("GET", f"/v1/opportunities/{name}.{MAIL}"),
            await gateway.ask("PATCH", one, {"owner": {"email": MAIL}}),
            await gateway.ask("PATCH", one, {"stage": {"name": PERSON}}),
            await gateway.ask("PATCH", one, {"custom_fields": {MAIL: PHONE}}),
            await gateway.ask("PATCH", one, {"value": PERSON, PHONE: DISEASE}),
            await gateway.ask("PATCH", one, DRAFTS[vendor], If_Match=f'"{PHONE}"'),
            await gateway.ask("POST", f"/v1/connections/{name}/translations", draft),
            await gateway.ask("GET", f"/v1/{PERSON}", X_Request_Id=MAIL),
            await SPOKEN[vendor].act("list", f"canary-{vendor}", "").ask(gateway),
            await gateway.ask("GET", f"/v1/connections/canary-{vendor}?check=true"),
        ]
        for operation in OPERATIONS[:4]:
            act = SPOKEN[vendor].act(operation, name, record_id)
            for status in (200, 400, 401, 409, 422, 500):
                fault = {"kind": "status", "status": status, "body": echo}
                await act.spoil(sandbox, vendor, fault)
                answers.append(await act.ask(gateway))
        broken = b'{"name": "' + PERSON.encode()
        headers = {"Content-Type": "application/json"}
        answers.append(await gateway.ask("GET", "/v1/vendors", Authorization=f"Bearer {OWN[0]}"))
        cut = await gateway.client.post("/v1/opportunities", content=broken, headers=headers)
        answers.append(Answered(cut))
    return answers


async def test_no_secret_and_no_person_is_told_of(
    production: Gateway, program: Program, sandbox: Sandbox
) -> None:
    """No answer holds a secret, no problem a free text, the log neither of them nor a person."""
    answers = await everything_asked(production, sandbox)
    assert {answer.status for answer in answers} >= {200, 201, 400, 401, 404, 409, 412, 422, 502}
    for answer in answers:
        text = answer.content.decode() + str(answer.headers)
        assert [secret for secret in SECRETS if secret in text] == [], text
        assert answer.status < 400 or DISEASE not in text
    log = program.text()
    assert log.count('"event": "request"') >= len(answers)
    assert [told for told in (*SECRETS, *PERSONAL) if told in log] == []


async def test_a_caller_that_hangs_up_leaves_no_trace_of_itself(
    production: Gateway, program: Program, sandbox: Sandbox
) -> None:
    """A broken-off request and bytes that are no HTTP are no reason to print them."""
    slow = {"kind": "delay", "seconds": 1}
    await sandbox.spoil("coperniq", slow, {"path": "/v1/opportunities"})
    with pytest.raises(httpx.ReadTimeout):
        await production.client.get(
            f"/v1/opportunities?connection=acme-coperniq&q={PERSON}", timeout=0.1
        )
    host, port = httpx.URL(program.url).host, httpx.URL(program.url).port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"{PERSON} {KEY}\r\n\r\n".encode())
    assert b"400" in await reader.readline()
    writer.close()
    assert (await production.ask("GET", "/livez")).status == 200
    assert [told for told in (*SECRETS, *PERSONAL) if told in program.text()] == []


async def test_a_dry_run_shows_the_scheme_and_not_the_secret(
    production: Gateway, sandbox: Sandbox
) -> None:
    """What a write would send is shown whole, but for what authenticates it."""
    for vendor in VENDORS:
        wanted = {"operation": "create", "body": DRAFTS[vendor]}
        path = f"/v1/connections/acme-{vendor}/translations"
        answer = await production.ask("POST", path, wanted)
        assert answer.status == 200, answer.content
        text = answer.content.decode()
        assert "***" in text
        assert PERSON in text
        assert [secret for secret in SECRETS if secret in text] == []
