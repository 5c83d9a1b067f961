"""Backends that note what reaches them, answer alike, and can be rude."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Literal

Manner = Literal["polite", "rude", "mute"]
"""Answers; hangs up on whoever it has read; or never says a word."""
MUTE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came in."""

    method: str
    path: str
    headers: Any
    length: int

    @property
    def request_id(self) -> str:
        """What it is known by."""
        return str(self.headers["X-Request-Id"])


@dataclass
class Toy:
    """What a backend does, and what it saw."""

    manner: Manner
    port: int
    seen: list[Seen] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)


class _Listening(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


@contextmanager
def toy(manner: Manner, seconds: float = 0.0) -> Iterator[Toy]:
    """A backend on a loopback port, ready at `/readyz` whatever its manners are.

    A rude one hangs up after so many seconds: a crowd comes before it is known for its manners.
    """
    over = threading.Event()

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/readyz":
                self.say({})
                return
            told = Seen(self.command, self.path, self.headers, len(content))
            with found.lock:
                found.seen.append(told)
            if found.manner == "polite":
                self.say({"path": self.path})
                return
            self.close_connection = True
            over.wait(MUTE_SECONDS if found.manner == "mute" else seconds)

        def say(self, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the names that the class looks for

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with _Listening(("127.0.0.1", 0), Answering) as server:
        found = Toy(manner, int(server.server_address[1]))
        serving = Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield found
        finally:
            over.set()
            server.shutdown()
            serving.join()
