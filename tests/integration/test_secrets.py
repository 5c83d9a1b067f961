"""What must not be told: credentials to nobody, personal data to no log."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from gateway.api.access import hash_key
from gateway.app import create_app
from gateway.sandbox import close, coperniq, reevo, slant
from gateway.sandbox.configuration import configuration
from gateway.settings import load
from tests import issuer
from tests.integration.acts import OPERATIONS, SPOKEN
from tests.integration.programs import Program, run
from tests.integration.sealed import ENCRYPTION_KEY, SIGNING_KEY, Sealed, sealed
from tests.integration.two_ends import VENDORS, Gateway, Sandbox
from tests.sandboxed import KEY, Answered
from tests.telemetry.collector import Collected, Collector, collecting

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


TOKEN = issuer.token(sub=MAIL, name=PERSON)
PASSWORD = "canary-redis-password"
SECRETS = (
    *OWN, *CANARIES, *map(coded, (*OWN, *CANARIES)), SIGNING_KEY, ENCRYPTION_KEY, KEY, PASSWORD,
    TOKEN, *TOKEN.split("."),
)  # fmt: skip

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

DRAFTS: dict[str, dict[str, Any]] = {
    "slant": {"name": PERSON, "custom_fields": {"source": MAIL}},
    "coperniq": {"name": PERSON, "description": DISEASE, "contacts": [{"email": MAIL}]},
    "close": {"name": PERSON, "description": f"{DISEASE}, {PHONE}"},
    "reevo": {"name": PERSON, "vendor_fields": {"next_step_details": DISEASE}},
}


TOKENS = f"""
[jwt]
issuer = "{issuer.NAME}"
audience = "{issuer.AUDIENCE}"
jwks_url = "http://127.0.0.1:PORT/keys"
algorithms = ["RS256"]
allow_private_address = true
"""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Where all of it is traced to."""
    with collecting() as collector:
        yield collector


PATIENCE = 60
AUDITOR_KEY = "canary-auditor-key"
AUDITOR = {"Authorization": f"Bearer {AUDITOR_KEY}"}
LEDGER = f"""
[request_ledger]
enabled = true

[callers.auditor]
key_sha256 = "{hash_key(AUDITOR_KEY)}"
scopes = ["requests:read"]
connections = ["*"]
"""


@pytest.fixture(scope="module")
def kept(
    folder: Path, sandbox_program: Program, closed_port: int, redis_url: str, collector: Collector
) -> Sealed:
    """A production gateway that logs all it ever logs, with good credentials and with bad ones."""
    good = configuration(sandbox_program.url)
    bad = good.replace("sandbox", "canary").replace("connections.acme-", "connections.canary-")
    tokens = TOKENS.replace("PORT", str(closed_port))
    traces = f'[telemetry]\notlp_endpoint = "{collector.url}"\n'
    return sealed(folder, "production", good + bad + tokens + traces + LEDGER, redis_url)


@pytest.fixture(scope="module")
def program(folder: Path, running: list[Program], kept: Sealed) -> Program:
    """The same, running."""
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
            await gateway.ask("GET", one, User_Agent=MAIL, Cookie=f"a={PHONE}", X_Own=PERSON),
            await gateway.ask("GET", one, traceparent=MAIL, Prefer=PERSON),
            await gateway.ask("GET", one, traceparent=PARENT, tracestate=f"{MAIL}={PERSON}"),
            await gateway.ask("GET", one, X_Request_Timeout_Ms=PHONE),
            await gateway.ask("GET", "/v1/connections", Authorization=f"Bearer {TOKEN}"),
            await gateway.ask("GET", "/v1/connections", Authorization=f"Basic {TOKEN}"),
            await gateway.ask("GET", f"/v1/operations?since={MAIL}&cursor={PHONE}"),
            await gateway.ask("GET", f"/v1/operations/{MAIL}"),
            await gateway.ask("POST", "/v1/opportunities", {MAIL: PHONE, "connection": PERSON}),
            await gateway.ask("PATCH", one, DRAFTS[vendor], X_Padding=PERSON * 2000),
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


def is_request(span: Collected) -> bool:
    """Whether a span is that of a request, which ends after those within it."""
    return span.kind == "SERVER"


async def test_no_secret_and_no_person_is_told_of(
    production: Gateway, program: Program, sandbox: Sandbox, collector: Collector
) -> None:
    """No answer holds a secret, no problem a free text, log and traces neither nor a person."""
    answers = await everything_asked(production, sandbox)
    assert {answer.status for answer in answers} >= {
        200, 201, 400, 401, 404, 409, 412, 422, 431, 502, 503,
    }  # fmt: skip
    for answer in answers:
        text = answer.content.decode() + str(answer.headers)
        assert [secret for secret in SECRETS if secret in text] == [], text
        assert answer.status < 400 or DISEASE not in text
    log = program.text()
    assert log.count('"event": "request"') >= len(answers)
    for told in ('"vendor_calls": [{', '"store_calls": ', '"outcome": ', '"bytes_out": '):
        assert told in log
    counted = (await production.ask("GET", "/metrics")).content.decode()
    assert 'gateway_vendor_calls_total{connection="acme-close"' in counted
    assert [told for told in (*SECRETS, *PERSONAL) if told in counted] == []
    assert [told for told in (*SECRETS, *PERSONAL) if told in log] == []
    spans = await collector.until(lambda spans: sum(map(is_request, spans)) >= len(answers))
    assert sum(map(is_request, spans)) >= len(answers)
    traces = "\n".join(span.text for span in spans)
    assert {"PUT update", "begin"} <= {span.name for span in spans}
    assert [told for told in (*SECRETS, *PERSONAL) if told in traces] == []


async def test_a_caller_that_hangs_up_leaves_no_trace_of_itself(
    production: Gateway, program: Program, sandbox: Sandbox
) -> None:
    """A broken-off request and bytes that are no HTTP are no reason to print them."""
    slow = {"kind": "delay", "seconds": 1}
    path = f"/v1/opportunities?connection=acme-coperniq&q={PERSON}"
    for _ in range(5):  # a look at an earlier write may meet the delay first
        await sandbox.spoil("coperniq", slow, {"path": "/v1/opportunities"})
        try:
            await production.client.get(path, timeout=0.1)
        except httpx.ReadTimeout:
            break
    else:
        pytest.fail("nobody hung up")
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


CONTENT = {
    b"string": ("GET",), b"hash": ("HGETALL",), b"set": ("SMEMBERS",),
    b"zset": ("ZRANGE", 0, -1), b"list": ("LRANGE", 0, -1),
}  # fmt: skip
"""The kind of a key → the command that shows all it holds."""
GONE = b"none"
"""That of a key which has ended meanwhile, as a lease does behind its answer."""


def dumped(url: str) -> Iterator[str]:
    """Every key of a Redis and all that it holds; bytes as Python spells them."""
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(count=1000):
            if (kind := client.type(key)) == GONE:
                continue
            command, *rest = CONTENT[kind]
            yield f"{key!r} {client.execute_command(command, key, *rest)!r}"


async def test_the_store_holds_no_secret_and_no_person(
    production: Gateway, sandbox: Sandbox, redis_url: str
) -> None:
    """Who reads the store, or a copy of it, learns that there were writes, and not of whom."""
    for vendor in VENDORS:
        draft = {"connection": f"acme-{vendor}", **DRAFTS[vendor]}
        refuse = {"kind": "status", "status": 422, "body": {"error": f"no {PERSON}"}}
        await SPOKEN[vendor].act("create", f"acme-{vendor}", "").spoil(sandbox, vendor, refuse)
        for key in (DISEASE, PHONE):
            answer = await production.ask(
                "POST", "/v1/opportunities", draft, Idempotency_Key=f"{vendor} {key}"
            )
            assert answer.headers["idempotency-status"] == "created", answer.content
    whole = "\n".join(dumped(redis_url))
    assert whole.count(":op:") >= 2 * len(VENDORS)
    assert "acme-close" in whole
    assert [told for told in (*SECRETS, *PERSONAL) if told in whole] == []


async def records_of(answers: list[Answered], gateway: Gateway) -> list[Answered]:
    """What the ledger tells of requests that failed; records are written after the answers."""
    failed = [answer.json["instance"] for answer in answers if answer.status >= 400]
    until = time.monotonic() + PATIENCE
    while (await gateway.ask("GET", failed[-1], **AUDITOR)).status == 404:
        assert time.monotonic() < until
        await asyncio.sleep(0.05)
    return [await gateway.ask("GET", place, **AUDITOR) for place in failed]


async def test_the_ledger_holds_no_secret_and_no_person(
    production: Gateway, sandbox: Sandbox, redis_url: str
) -> None:
    """Neither what it tells nor how it lies in the store; strangers are not in it at all."""
    answers = await everything_asked(production, sandbox)
    records = await records_of(answers, production)
    assert {record.status for record in records} == {200, 404}
    told = [record.content.decode() for record in records if record.status == 200]
    assert {record.json["status"] for record in records if record.status == 200} >= {
        400, 404, 409, 412, 422, 502,
    }  # fmt: skip
    lying = [line for line in dumped(redis_url) if ":req_" in line]
    assert len(lying) >= len(told) > len(answers) / 3
    for text in (*told, *lying):
        assert [secret for secret in (*SECRETS, *PERSONAL, AUDITOR_KEY) if secret in text] == []


def printed(*arguments: str, env: dict[str, str]) -> tuple[int, str]:
    """How a command ends, and all that it prints until then."""
    process = run(*arguments, env=env)
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


async def test_checking_tells_what_is_wrong_and_with_which_connection(
    kept: Sealed, sandbox: Sandbox
) -> None:
    """Vendors that repeat the credential in their refusal are not repeated in turn."""
    for vendor, secret in zip(VENDORS, OWN, strict=True):
        body = {"error": f"{secret} is no key of {PERSON}", "message": coded(secret)}
        await sandbox.spoil(vendor, {"kind": "status", "status": 403, "body": body}, {}, times=9)
    status, text = await asyncio.to_thread(
        printed, "check", "--config", str(kept.config), env=kept.env
    )
    assert status == 1
    for vendor in VENDORS:
        assert f"acme-{vendor}: vendor-forbidden" in text
        assert f"canary-{vendor}: vendor-" in text
    assert [told for told in (*SECRETS, *PERSONAL) if told in text] == []


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_configuration_that_is_not_fit_is_told_without_its_values(
    command: str, kept: Sealed, tmp_path: Path
) -> None:
    """A secret in the wrong place, under a wrong name or of a wrong form is not repeated."""
    spoilt = (
        kept.config.read_text(encoding="utf-8")
        + f"""
[connections.wrong-place]
vendor = "close"
api_key = "{CANARIES[2]}"
credentials = {{ api_ky = {{ env = "SECRET_WORD" }}, api_key = "{CANARIES[2]}" }}
base_url = "https://{MAIL.partition("@")[0]}:{PASSWORD}@api.example.com"
currency = 5
[callers."{PERSON}".{PASSWORD}]
key = "{KEY}"
"""
    )
    config = kept.config.with_name(f"spoilt-{command}.toml")
    config.write_text(
        spoilt.replace('key = { env = "SIGNING_KEY" }', f'key = "{SIGNING_KEY}"'), encoding="utf-8"
    )
    unfit = {**kept.env, "SECRET_WORD": PASSWORD, "ENCRYPTION_KEY": KEY, "REDIS_URL": PASSWORD}
    status, text = printed(command, "--config", str(config), env=unfit)
    assert status == 2
    for place in (
        "redis.url",
        "secrets.signing_keys.0.key",
        "secrets.encryption_keys.0",
        "connections.wrong-place.api_key",
        "connections.wrong-place.base_url",
    ):
        assert place in text, text
    values = [word for word in SECRETS if word != PASSWORD]
    assert [told for told in values if told in text] == []
    assert text.count(PASSWORD) == text.count(f".{PASSWORD}")  # the name of a table, not a value


def test_a_command_that_breaks_down_prints_no_secret(
    kept: Sealed, closed_port: int, folder: Path
) -> None:
    """The store is away and the port is taken: tracebacks, warnings and all."""
    away = {**kept.env, "REDIS_URL": f"redis://user:{PASSWORD}@127.0.0.1:{closed_port}/0",
            "PYTHONDEVMODE": "1", "PYTHONFAULTHANDLER": "1"}  # fmt: skip
    port = str(closed_port)
    for arguments in (("forget", "--caller", "tests"), ("serve", "--port", port), ("check",)):
        status, text = printed(*arguments, "--config", str(kept.config), env=away)
        assert status != 0, text
        assert text
        assert [told for told in (*SECRETS, *PERSONAL) if told in text] == []


async def test_a_gateway_without_its_store_tells_of_it_without_the_password(
    kept: Sealed, folder: Path, running: list[Program], closed_port: int
) -> None:
    """Writes are refused and logged at every level, and its address is not in the log."""
    away = {**kept.env, "REDIS_URL": f"redis://user:{PASSWORD}@127.0.0.1:{closed_port}/0"}
    program = Program.start(
        "gateway without a store", folder, "serve", "--config", str(kept.config), env=away
    )
    running.append(program)
    program.ready("/livez")
    async with Gateway.at(program.url) as gateway:
        draft = {"connection": "acme-close", **DRAFTS["close"]}
        refused = await gateway.ask("POST", "/v1/opportunities", draft, Idempotency_Key=MAIL)
        unready = await gateway.ask("GET", "/readyz")
    program.end()
    assert (refused.status, refused.code) == (503, "store-unavailable")
    assert unready.status == 503
    shown = program.text() + refused.content.decode() + unready.content.decode()
    assert "store-unavailable" in shown
    assert [told for told in (*SECRETS, *PERSONAL) if told in shown] == []


def test_nothing_that_runs_prints_as_its_secrets(kept: Sealed) -> None:
    """Settings, connections, and the house that is made of them, whole and part by part."""
    settings = load(kept.config, kept.env)
    house = create_app(settings).state.house
    parts = [
        settings,
        settings.file,
        *settings.connections.values(),
        house,
        house.access,
        house.registry,
        house.registry.sealing,
        *house.registry.signing_keys,
        house.cursors,
    ]
    shown = "\n".join(f"{part!r} {part}" for part in parts)
    shown += str(settings.model_dump())
    assert "acme-close" in shown
    assert [told for told in SECRETS if told in shown] == []
