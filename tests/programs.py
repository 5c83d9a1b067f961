"""Programs that tests need and a machine may lack: found, else fetched, else missed aloud.

A program comes from PATH, else from its Debian package, unpacked without root below `.tools`.
`python -m tests.programs` does the unpacking ahead of the tests, which themselves talk to loopback
alone. Whatever it cannot get is no fault of it: the tests that need it skip and are counted, or
fail where `GATEWAY_REQUIRE_TOOLS` is set.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1] / ".tools"
"""Where programs are unpacked, unless `GATEWAY_TOOLS` names another folder."""
PATIENCE = 120.0
"""Seconds that one step of fetching may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program, and where one gets it."""

    name: str
    packages: tuple[str, ...]
    """Debian packages: its own, then those of libraries that a machine may lack."""
    version: str
    """The option that makes it print its version and end."""
    instead: str = ""
    """What else would do, as the end of a sentence."""
    aliases: tuple[str, ...] = ()
    """Other names that it goes by on PATH."""

    @property
    def loss(self) -> str:
        """Why a test that needs it did not run, word for word: skips are counted by it."""
        return f"{self.name} is missing"

    @property
    def remedy(self) -> str:
        """How to get it."""
        return f"install {self.name}, or let make tools unpack it{self.instead}"


REDIS = Tool(
    name="redis-server",
    packages=(
        "redis-server", "redis-tools",  # the first only links to a program of the second
        "libatomic1", "libjemalloc2", "liblzf1", "libssl3",
    ),
    version="--version",
    instead=", or name a server for tests in GATEWAY_TEST_REDIS_URL",
)  # fmt: skip
NGINX = Tool(name="nginx", packages=("nginx", "libpcre2-8-0", "libssl3"), version="-v")
HAPROXY = Tool(
    name="haproxy",
    packages=(
        "haproxy",
        "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1", "libpcre2-8-0", "libssl3",
    ),
    version="-v",
)  # fmt: skip
FAKETIME = Tool(name="faketime", packages=("faketime", "libfaketime"), version="--version")
CURL = Tool(
    name="curl",
    packages=(
        "curl", "libcurl4",
        "libbrotli1", "libldap-2.5-0", "libnghttp2-14", "libpsl5", "librtmp1", "libsasl2-2",
        "libssh2-1", "libssl3",
    ),
    version="--version",
)  # fmt: skip
PROMETHEUS = Tool(name="prometheus", packages=("prometheus",), version="--version")
"""With promtool, which lies beside it."""
JQ = Tool(name="jq", packages=("jq", "libjq1", "libonig5"), version="--version")
BROWSER = Tool(
    name="chromium-headless-shell",
    packages=(
        "chromium-headless-shell", "chromium-common",
        "libasound2", "libasyncns0", "libatk1.0-0", "libatspi2.0-0", "libavahi-client3",
        "libavahi-common3", "libbsd0", "libdav1d6", "libdbus-1-3", "libdouble-conversion3",
        "libdrm2", "libexpat1", "libflac12", "libfontconfig1", "libfreetype6", "libgbm1",
        "libglib2.0-0", "libgraphite2-3", "libharfbuzz-subset0", "libharfbuzz0b",
        "libjpeg62-turbo", "liblcms2-2", "libminizip1", "libmp3lame0", "libmpg123-0", "libnspr4",
        "libnss3", "libogg0", "libopenh264-7", "libopenjp2-7", "libopus0", "libpng16-16",
        "libpulse0", "libsndfile1", "libvorbis0a", "libvorbisenc2", "libwayland-server0",
        "libx11-6", "libx11-xcb1", "libxau6", "libxcb-randr0", "libxcb1", "libxcomposite1",
        "libxdamage1", "libxdmcp6", "libxext6", "libxfixes3", "libxi6", "libxkbcommon0",
        "libxnvctrl0", "libxrandr2", "libxrender1",
    ),
    version="--version",
    aliases=("chromium", "chromium-browser", "google-chrome"),
)  # fmt: skip
WRK = Tool(name="wrk", packages=("wrk", "libluajit2-5.1-2", "libssl3"), version="--version")
"""A second opinion of the bench, which does without it: no test needs it, so none fetches it."""
TOOLS = (REDIS, NGINX, HAPROXY, FAKETIME, CURL, JQ, BROWSER, PROMETHEUS)
FOLDERS = ("usr/lib/chromium", "usr/bin", "usr/sbin")
"""Where packages have programs; what one has in `usr/bin` may only lead to one outside of it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A program on this machine, and the environment that it runs in."""

    path: Path
    environ: Mapping[str, str]

    def beside(self, name: str) -> "Found":
        """Another program of its package."""
        return replace(self, path=self.path.with_name(name))

    def starts(self, tool: Tool) -> bool:
        """Whether it runs at all: one whose libraries are not there does not."""
        try:
            command = [str(self.path), tool.version]
            run = subprocess.run(
                command, env=self.environ, capture_output=True, timeout=PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return run.returncode == 0


@dataclass(frozen=True, slots=True)
class Toolbox:
    """What an environment has to offer."""

    environ: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Where unpacked programs lie, each below its own name."""
        return Path(self.environ.get("GATEWAY_TOOLS") or HERE).absolute()

    def find(self, tool: Tool) -> Found | None:
        """The program on PATH, else the unpacked one."""
        for name in (tool.name, *tool.aliases):
            if path := _on_path(name, self.environ):
                return Found(path, self.environ)
        return self._unpacked(tool, self.folder / tool.name)

    def needed(self, tool: Tool) -> Found:
        """The program. Skips the test without it, or fails it where nothing may be missing."""
        if found := self.find(tool):
            return found
        if self.environ.get("GATEWAY_REQUIRE_TOOLS"):
            pytest.fail(f"{tool.loss}: {tool.remedy}", pytrace=False)
        pytest.skip(tool.loss)

    def fetch(self) -> Iterator[str]:
        """Unpacks what is missing; a line for each program that it got, or did not get."""
        missing = [tool for tool in TOOLS if self.find(tool) is None]
        if not missing:
            return
        if not all(_on_path(name, self.environ) for name in ("apt-get", "dpkg-deb")):
            for tool in missing:
                yield f"{tool.loss}, and there is no apt-get to fetch it with"
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="fetching-") as scratch:
            apt = _Apt(Path(scratch), self.environ)
            apt.update()
            for tool in missing:
                if self._fetched(tool, apt, Path(scratch, tool.name)):
                    yield f"{tool.name} was unpacked below {self.folder.name}"
                else:
                    yield f"{tool.loss}, and its package could not be had"

    def _unpacked(self, tool: Tool, root: Path) -> Found | None:
        for path in (root / folder / tool.name for folder in FOLDERS):
            if path.is_file():
                places = ("**/lib/*-linux-gnu*", "**/lib/*-linux-gnu*/pulseaudio")
                libraries = [str(folder) for place in places for folder in root.glob(place)]
                return Found(path, {**self.environ, "LD_LIBRARY_PATH": ":".join(libraries)})
        return None

    def _fetched(self, tool: Tool, apt: "_Apt", root: Path) -> bool:
        """Whether the program could be unpacked, and starts; only then is it moved into place."""
        for package in tool.packages:
            apt.unpack(package, root)
        found = self._unpacked(tool, root)
        if found is None or not found.starts(tool):
            return False
        with suppress(OSError):  # another fetch was quicker
            root.rename(self.folder / tool.name)
        return self.find(tool) is not None


class _Apt:
    """apt-get with lists and archives of its own, so that nobody has to be root."""

    def __init__(self, scratch: Path, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._archives = scratch / "archives"
        folders = {"State": "state", "State::Lists": "state/lists", "Cache": "cache"}
        for partial in ("state/lists/partial", "cache/archives/partial", "archives"):
            (scratch / partial).mkdir(parents=True)
        options = {
            **{f"Dir::{name}": scratch / folder for name, folder in folders.items()},
            "Dir::State::status": "/var/lib/dpkg/status",
            "APT::Sandbox::User": "root",
            "Acquire::Retries": 1,
            "Acquire::http::Timeout": 20,
            "Acquire::https::Timeout": 20,
        }
        self._options = [f"-o{name}={value}" for name, value in options.items()]

    def update(self) -> None:
        """Reads the package lists; where that fails, there is nothing to unpack."""
        self._ran("apt-get", "--quiet", *self._options, "update")

    def unpack(self, package: str, root: Path) -> None:
        """Unpacks a package; another release of the system may not have all of a tool's."""
        if self._ran("apt-get", "--quiet", *self._options, "download", package):
            for archive in self._archives.glob(f"{package}_*.deb"):
                self._ran("dpkg-deb", "-x", str(archive), str(root))

    def _ran(self, program: str, *arguments: str) -> bool:
        path = _on_path(program, self._environ) or program
        try:
            run = subprocess.run(
                [str(path), *arguments],
                cwd=self._archives,
                env=self._environ,
                capture_output=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        return run.returncode == 0


def _on_path(name: str, environ: Mapping[str, str]) -> Path | None:
    found = shutil.which(name, path=environ.get("PATH", ""))
    return Path(found).absolute() if found else None


if __name__ == "__main__":
    for line in Toolbox(os.environ).fetch():
        sys.stdout.write(f"{line}\n")
