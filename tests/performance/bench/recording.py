"""What vendors answer, taken down from the sandbox once, so that a stub can say it fast."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import httpx

from gateway.app import create_app
from gateway.sandbox import create_sandbox
from gateway.settings import parse
from gateway.telemetry.hooks import Hooks
from tests.performance.bench.requests import ACTS, Act
from tests.sandboxed import KEY, InProcess, tree

RECORDS: Final = 512
"""Of each vendor: more than are ever asked for at once."""
LISTING: Final = "GET /close/api/v1/opportunity/?_order_by=-date_created&_limit=100"
"""What is asked for the first of two pages of which a list of 200 is made."""
DROPPED: Final = frozenset({"content-length", "date", "server", "connection"})
RATES: Final = ("ratelimit", "x-ratelimit", "x-rate-limit")
"""A stub that said the same of its limit again and again would have calls wait for it."""


@dataclass(slots=True)
class Recording:
    """Answers by method and target."""

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    records: set[str] = field(default_factory=set)

    def take_down(self, request: httpx.Request, response: httpx.Response, body: bytes) -> None:
        """Keeps an answer; the first one of a target stays."""
        headers = [
            (name, value)
            for name, value in response.headers.items()
            if name not in DROPPED and not name.startswith(RATES)
        ]
        target = request.url.raw_path.decode()
        said = {"status": response.status_code, "headers": headers, "body": body.decode()}
        for where in (target, target.partition("?")[0]):
            self.answers.setdefault(f"{request.method} {where}", dict(said))

    def lengthen(self, listing: str, *, pages: int, rows: int) -> None:
        """Has a listing answer so many full pages of records that all differ, and then end."""
        said = self.answers[listing]
        told = json.loads(said["body"])
        records = cycle(told["data"])
        for page in range(pages):
            skipped = page * rows
            found = [
                {**record, "id": another(record["id"], number)}
                for number, record in enumerate(islice(records, rows), start=skipped)
            ]
            body = json.dumps({**told, "data": found, "has_more": page + 1 < pages})
            target = f"{listing}&_skip={skipped}" if skipped else listing
            self.answers[target] = {**said, "body": body}

    def multiply(self) -> None:
        """Answers for `RECORDS` records where there was one: writers to one wait for each other."""
        for record in self.records:
            answers = [
                (target, said) for target, said in self.answers.items() if _names(target, record)
            ]
            for number in range(RECORDS):
                other = another(record, number)
                for target, said in answers:
                    body = json.dumps(_renamed(json.loads(said["body"]), record, other))
                    named = re.sub(rf"(?<=/){re.escape(record)}(?=[/?]|$)", other, target)
                    self.answers[named] = {**said, "body": body}

    def write(self, path: Path) -> None:
        """Puts it where the stub reads it."""
        path.write_text(json.dumps(self.answers), encoding="utf-8")


def another(record: str, number: int) -> str:
    """The id of another record, of the same form."""
    if record.isdigit():
        return str(100_000 + number)
    return f"{record[:-3]}{number:03}"


def _names(target: str, record: str) -> bool:
    return record in re.split(r"[/?]", target)


def _renamed(value: Any, record: str, other: str) -> Any:
    """A body in which a record has another id."""
    if isinstance(value, list):
        return [_renamed(each, record, other) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: _renamed(member, record, other) for name, member in value.items()}
    if str(found.get("id")) == record:
        found["id"] = type(found["id"])(other)
    return found


class _Recorder(InProcess):
    def __init__(self, app: Any, recording: Recording) -> None:
        super().__init__(app)
        self._recording = recording

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        body = await response.aread()
        self._recording.take_down(request, response, body)
        return httpx.Response(
            response.status_code, headers=response.headers, stream=httpx.ByteStream(body)
        )


async def recorded(acts: Mapping[str, Act] = ACTS) -> tuple[Recording, dict[str, str]]:
    """What vendors answered to each act, and the path of each with the ids of the sandbox."""
    sandbox = create_sandbox()
    recording = Recording()
    app = create_app(parse(tree(), {}, Path()), client=_Recorder(sandbox, recording), hooks=Hooks())
    paths: dict[str, str] = {}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway.test",
        headers={"Authorization": f"Bearer {KEY}"},
    ) as api:  # fmt: skip
        for name, act in acts.items():
            record = next(iter(sandbox.state.simulators[act.vendor].records))
            recording.records.add(record)
            paths[name] = act.path.replace("{record}", record)
            answer = await api.request(
                act.method, paths[name], content=act.body, headers=act.headers
            )
            if not answer.is_success:
                raise RuntimeError(f"{name}: the sandbox did not take it: {answer.text}")
    recording.multiply()
    recording.lengthen(LISTING, pages=2, rows=100)
    return recording, paths
