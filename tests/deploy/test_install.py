"""What the Dockerfile says is done here without Docker: installed, started, asked, ended."""

import os
import re
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from gateway import __version__
from tests.architecture.source_tree import PACKAGE, ROOT, committed_files
from tests.architecture.test_portability import pins
from tests.deploy.conftest import DOCKERFILE, USER
from tests.deploy.image import Image, instructions
from tests.deploy.mounted import Mounted
from tests.servers import RedisServer, free_port

PORT = "8080"
PATIENCE = 60.0
"""Seconds that a command of the image may take."""
AS_USER = USER if os.geteuid() == 0 else None
StartRedis = Callable[..., RedisServer]


class Replica:
    """A gateway started as the image says, by a user who owns nothing of it."""

    def __init__(self, image: Image, mounted: Mounted) -> None:
        self.image = image
        self._port = str(free_port())
        self._log = mounted.folder / "log"
        words = [*image.said["ENTRYPOINT"].exec_form, *image.said["CMD"].exec_form]
        with self._log.open("wb") as sink:
            self._process = subprocess.Popen(
                image.command([self._own(word) for word in words]),
                cwd=image.folder,
                env={**image.environ, "GATEWAY_CONFIG": str(mounted.configuration)},
                user=AS_USER,
                group=AS_USER,
                stdout=sink,
                stderr=sink,
            )

    def ask(self, path: str) -> httpx.Response:
        """A GET."""
        return httpx.get(f"http://127.0.0.1:{self._port}{path}", timeout=PATIENCE, trust_env=False)

    def wait(self) -> None:
        """Waits until it takes requests."""
        patient_until = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < patient_until:
            with suppress(httpx.TransportError):
                if self.ask("/readyz").status_code == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"it does not get ready:\n{self._log.read_text(encoding='utf-8')}")

    def is_healthy(self) -> bool:
        """What the image's own health check finds."""
        words = self.image.said["HEALTHCHECK"].exec_form
        return ran(self.image, [self._own(word) for word in words]).returncode == 0

    def end(self) -> int:
        """Asks it to end, as Docker does; the status with which it did."""
        self._process.terminate()
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _own(self, word: str) -> str:
        """A word of the Dockerfile, with the port that is free here."""
        return word.replace(PORT, self._port)


def ran(image: Image, words: list[str]) -> "subprocess.CompletedProcess[str]":
    """A command in the image, as the user that it names."""
    return subprocess.run(
        image.command(words),
        cwd=image.folder,
        env=image.environ,
        user=AS_USER,
        group=AS_USER,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture
def replica(image: Image, start_redis: StartRedis, tmp_path: Path) -> Iterator[Replica]:
    """A replica with the production configuration, before a Redis that keeps what it is told."""
    redis = start_redis(appendonly="yes", appendfsync="always")
    with Mounted.made(redis.url) as mounted:
        running = Replica(image, mounted)
        try:
            running.wait()
            yield running
        finally:
            running.end()


def contents(folder: Path) -> dict[Path, int]:
    """Every file below a folder, and when it was written."""
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


def test_a_replica_gets_ready_in_an_image_that_nobody_may_write_to(replica: Replica) -> None:
    """Another user starts it, it takes requests, its health check says so, and nothing is left."""
    before = contents(replica.image.root)
    assert replica.ask("/readyz").json() == {"status": "ready"}
    assert replica.is_healthy()
    assert ran(replica.image, ["/bin/sh", "-c", "echo >written"]).returncode != 0
    assert contents(replica.image.root) == before
    assert replica.end() == 0
    assert not replica.is_healthy()


def test_the_image_has_every_file_of_the_package(image: Image) -> None:
    """Scripts, pages and examples are in the wheel, and none that nobody knows."""
    (installed,) = image.at("/opt/gateway").glob("lib/python*/site-packages/gateway")
    found = {path.relative_to(installed) for path in installed.rglob("*") if path.is_file()}
    known = {path.relative_to(PACKAGE) for path in committed_files() if PACKAGE in path.parents}
    assert {path for path in found if "__pycache__" not in path.parts} == known


def test_the_image_speaks_the_released_language(image: Image) -> None:
    """Its OpenAPI document is the repository's."""
    printed = ran(image, ["gateway", "openapi"])
    assert printed.returncode == 0, printed.stderr
    document = (ROOT / "openapi" / "gateway.v1.json").read_text(encoding="utf-8")
    assert printed.stdout == document


def test_the_image_has_what_the_lock_names_and_nothing_else(image: Image) -> None:
    """No pip, no build tool, and each version is that of the lock."""
    script = "import importlib.metadata as m; [print(d.name, d.version) for d in m.distributions()]"
    printed = ran(image, ["python", "-I", "-c", script])
    found = dict(line.split() for line in printed.stdout.splitlines())
    assert found.pop("opportunity-gateway") == __version__
    locked = pins(ROOT / "deploy" / "requirements.txt")
    assert {name.lower().replace("_", "-"): version for name, version in found.items()}.items() <= (
        locked.items()
    )
    assert {"fastapi", "redis", "uvloop"} <= found.keys()


def test_every_stage_stands_on_one_base_that_a_digest_names() -> None:
    """The Python of the image is that of the locks, and whoever builds says which base it was."""
    lock = (ROOT / "Makefile").read_text(encoding="utf-8")
    (version,) = set(re.findall(r"--python-version (\S+)", lock))
    said = list(instructions(DOCKERFILE.read_text(encoding="utf-8")))
    bases = {each.rest.split()[0] for each in said if each.word == "FROM"} - {"locked"}
    assert bases == {f"python:{version}-slim-bookworm@${{PYTHON_DIGEST}}"}
    assert [each.rest for each in said if each.word == "ARG"] == ["PYTHON_DIGEST"]


def test_the_context_has_what_the_image_copies() -> None:
    """What `.dockerignore` lets through is what a `COPY` names."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in lines if line.startswith("!")}
    said = instructions(DOCKERFILE.read_text(encoding="utf-8"))
    copies = [each.rest.split()[:-1] for each in said if each.word == "COPY"]
    assert {name for names in copies for name in names if "--from" not in names[0]} == let_through


def test_the_build_tool_is_the_one_that_is_declared() -> None:
    """The lock of the build has what `[build-system]` asks for, in the version of development."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    build = pins(ROOT / "deploy" / "requirements-build.txt")
    names = [re.split(r"[<>=]", requirement)[0] for requirement in told["build-system"]["requires"]]
    assert set(names) <= build.keys()
    assert build.items() <= pins(ROOT / "deploy" / "requirements-dev.txt").items()
