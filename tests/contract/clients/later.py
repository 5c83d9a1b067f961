"""A later release, played: what the gateway answers, with values and members of tomorrow.

It stands before the gateway and passes everything on. On the way back every open enumeration gets a
value, and every object of the document a member, that the document does not know. Asked for an
opportunity that is called like `409.record-busy`, it answers that problem, with every member set.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from gateway.api import problems
from gateway.api.problems import MEDIA_TYPE, STATUS, TITLES, Problem, ProblemError, ProblemVendor
from gateway.canonical import json_text

UNKNOWN = "not-known-yet"
ADDED = "added_later"
PATIENCE = 30.0
"""Seconds that the gateway may take."""
_PROBLEM = re.compile(r"/v1/opportunities/(\d{3})\.([a-z-]+)$")
_OF_THE_WAY = frozenset({"connection", "content-length", "date", "host", "transfer-encoding"})
"""Headers that each leg of the way has for itself."""


def problems_of(document: Mapping[str, Any]) -> list[str]:
    """Every problem whose status the document has for an update, and one of tomorrow."""
    known = document["paths"]["/v1/opportunities/{opportunity_id}"]["patch"]["responses"]
    told = sorted({(status, kind.code) for kind, status in STATUS.items()})
    return [f"{status}.{code}" for status, code in [*told, (409, UNKNOWN)] if str(status) in known]


def problem(status: int, code: str) -> dict[str, Any]:
    """A problem with every member that one can have."""
    full = Problem(
        type=f"/problems/{code}",
        title=TITLES.get(code, "Something new"),
        status=status,
        detail="It is as it is.",
        instance="/v1/requests/req_1",
        code=code,
        origin="vendor",
        retry="after_fix",
        request_id="req_1",
        outcome="partial",
        operation_id="op_1",
        opportunity_id="acme-crm.1",
        etag='"1"',
        applied=("/name",),
        vendor=ProblemVendor(
            name="acme", connection="acme-crm", status=400, code="no", message="No."
        ),
        errors=(
            ProblemError(code="no", detail="It must not.", pointer="/name", allowed=("a", 1, None)),
            ProblemError(code="no", detail="It must not.", parameter="limit"),
            ProblemError(code="no", detail="It must not.", header="If-Match"),
        ),
    )
    return {**problems.spoken(full), ADDED: True}


@dataclass(frozen=True, slots=True)
class Tomorrow:
    """Spells answers as a later document might have them."""

    document: Mapping[str, Any]

    def spelled(self, method: str, path: str, status: int, answer: Any) -> Any:
        """An answer of an operation."""
        for template, item in self.document["paths"].items():
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
            if method.lower() in item and re.fullmatch(pattern, path):
                response = item[method.lower()]["responses"][str(status)]
                return self._later(next(iter(response["content"].values()))["schema"], answer)
        return answer

    def _later(self, schema: Mapping[str, Any], value: Any) -> Any:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self._later(self.document["components"]["schemas"][name], value)
        for branch in schema.get("anyOf", ()):
            value = value if value is None else self._later(branch, value)
        if isinstance(value, str) and "x-extensible-enum" in schema:
            return UNKNOWN
        if isinstance(value, list) and "items" in schema:
            return [self._later(schema["items"], each) for each in value]
        if isinstance(value, dict) and "properties" in schema:
            known = schema["properties"]
            later = {name: self._later(known.get(name, {}), each) for name, each in value.items()}
            return {**later, ADDED: True}
        if isinstance(value, dict) and isinstance(each := schema.get("additionalProperties"), dict):
            return {name: self._later(each, member) for name, member in value.items()}
        return value


@contextmanager
def tomorrow(gateway: str, document: Mapping[str, Any]) -> Iterator[str]:
    """Where the later release of a gateway serves."""
    place, later = urlsplit(gateway), Tomorrow(document)

    class Handler(BaseHTTPRequestHandler):
        """Passes one connection's requests on."""

        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

        def handle_one_request(self) -> None:
            """Answers, whatever the method."""
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if match := _PROBLEM.fullmatch(self.path):
                status = int(match[1])
                content = json_text.write(problem(status, match[2]))
                self._answer(status, {"Content-Type": MEDIA_TYPE}, content)
            else:
                self._pass_on(body)

        def _pass_on(self, body: bytes) -> None:
            sent = {name: value for name, value in self.headers.items()
                    if name.lower() not in _OF_THE_WAY}  # fmt: skip
            line = HTTPConnection(str(place.hostname), place.port, timeout=PATIENCE)
            line.request(self.command, self.path, body or None, sent)
            answer = line.getresponse()
            content = answer.read()
            line.close()
            if content:
                path = urlsplit(self.path).path
                value = json_text.read(content)
                content = json_text.write(later.spelled(self.command, path, answer.status, value))
            self._answer(answer.status, dict(answer.getheaders()), content)

        def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in _OF_THE_WAY:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
