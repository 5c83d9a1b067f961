"""Does what a Dockerfile says, without Docker: below a folder, from wheels that lie ready.

What stages make below `/opt` lies in one place that all of them see, because programs in it know
where they are; all else of a stage is its own. `RUN` has no network: pip takes `.tools/wheels`,
which `make tools` fills.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

SHARED: Final = "opt"
PYTHON: Final = f"bin/python{sys.version_info.major}.{sys.version_info.minor}"
PATIENCE: Final = 300.0
"""Seconds that one `RUN` may take."""
FORMS: Final = ("CMD", "ENTRYPOINT", "HEALTHCHECK", "EXPOSE", "USER", "LABEL", "STOPSIGNAL")
"""What is said of the image, and does nothing while it is made."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a Dockerfile, its lines joined."""

    word: str
    rest: str

    @property
    def exec_form(self) -> list[str]:
        """Its words, where they stand as a JSON array; options before them are left out."""
        found: list[str] = re.findall(r'"([^"]*)"', self.rest[self.rest.index("[") :])
        return found


def instructions(text: str) -> Iterator[Instruction]:
    """What a Dockerfile says, in order."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        yield Instruction(word, rest.strip())


@dataclass
class Image:
    """An image in the making, and what it says of itself."""

    context: Path
    root: Path
    base: Mapping[str, str]
    """The environment in the base image."""
    wheels: Path
    environ: dict[str, str] = field(default_factory=dict)
    said: dict[str, Instruction] = field(default_factory=dict)
    _stage: str = ""
    _folder: str = "/"

    def make(self, dockerfile: str) -> None:
        """Follows the Dockerfile to its end."""
        does: Mapping[str, Callable[[str], None]] = {
            "ARG": lambda _: None,
            "FROM": self._from,
            "ENV": self._env,
            "WORKDIR": self._workdir,
            "COPY": self._copy,
            "RUN": self._run,
        }
        for each in instructions(dockerfile):
            if each.word in FORMS:
                self.said[each.word] = each
            else:
                does[each.word](each.rest)

    def at(self, path: str) -> Path:
        """Where a path of the image lies."""
        whole = (self._folder + "/" + path) if not path.startswith("/") else path
        parts = [part for part in whole.split("/") if part not in {"", "."}]
        shared = parts[:1] == [SHARED]
        return self.root.joinpath(*([] if shared else [f"stage-{self._stage}"]), *parts)

    def command(self, words: Sequence[str]) -> list[str]:
        """A command of the image, with the program's place."""
        path = shutil.which(words[0], path=self.environ["PATH"])
        assert path, f"the image has no {words[0]}"
        return [path, *words[1:]]

    @property
    def folder(self) -> Path:
        """Where its programs start."""
        return self.at(".")

    def _from(self, rest: str) -> None:
        base, _, name = rest.split(" ")
        self.said.clear()
        if "@" in base:  # it comes from outside
            self.environ = {**self.base}
            self._stage, self._folder = name, "/"

    def _env(self, rest: str) -> None:
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            self.environ[name] = self._placed(value.replace("$PATH", self.environ["PATH"]))

    def _workdir(self, rest: str) -> None:
        self._folder = rest
        self.folder.mkdir(parents=True, exist_ok=True)

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        if sources[0].startswith("--from="):
            assert sources[1] == target, "what another stage made stays where it is"
            assert self.at(target).exists()
            return
        for source in sources:
            _copied(self.context / source, self.at(target), whole=len(sources) == 1)

    def _run(self, rest: str) -> None:
        environ = {
            **self.environ,
            "HOME": str(self.root),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_CONFIG_FILE": os.devnull,
            "SOURCE_DATE_EPOCH": "1700000000",
        }
        run = subprocess.run(
            ["/bin/sh", "-ec", self._placed(rest)],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        assert run.returncode == 0, f"{rest}\n{run.stdout}\n{run.stderr}"

    def _placed(self, text: str) -> str:
        return re.sub(rf"(?<![\w.])/{SHARED}\b", f"{self.root}/{SHARED}", text)


def base_image(folder: Path, user: int) -> dict[str, str] | None:
    """Makes what a base image has, this Python with this pip, and tells the environment in it.

    None where the user could not run it.
    """
    prefix = Path(sys.base_prefix)
    if not _runs(prefix, user):  # it may lie in somebody's home
        prefix = _copied_python(prefix, folder / "python")
    if not _runs(prefix, user):
        return None
    environ = _environ(prefix)
    base = folder / "base"
    subprocess.run([prefix / PYTHON, "-m", "venv", "--without-pip", base], env=environ, check=True)
    pip = find_spec("pip")
    assert pip, "there is no pip"
    assert pip.origin, "pip lies nowhere"
    packages = next(base.glob("lib/python*/site-packages"))
    shutil.copytree(Path(pip.origin).parent, packages / "pip")
    return {**environ, "PATH": f"{base}/bin:{environ['PATH']}"}


def _runs(prefix: Path, user: int) -> bool:
    """Whether the user can run the Python of a prefix, and it is the one of these tests."""
    owner = user if os.geteuid() == 0 else None
    try:
        told = subprocess.run(
            [prefix / PYTHON, "-c", "import sys, venv; print(sys.version)"],
            env=_environ(prefix), user=owner, group=owner,
            capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
    except PermissionError:
        return False
    return told.stdout == f"{sys.version}\n"


def _environ(prefix: Path) -> dict[str, str]:
    """Where programs and the library of Python are, should it have one that is shared."""
    return {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": str(prefix / "lib")}


def _copied_python(prefix: Path, folder: Path) -> Path:
    library = Path(os.__file__).parent
    skipped = shutil.ignore_patterns("__pycache__", "site-packages", "test")
    shutil.copytree(library, folder / "lib" / library.name, ignore=skipped)
    for shared in (prefix / "lib").glob("libpython*.so*"):
        shutil.copy(shared, folder / "lib")
    (folder / "bin").mkdir()
    shutil.copy(prefix / PYTHON, folder / PYTHON)
    (folder / "bin" / "python").symlink_to(Path(PYTHON).name)  # where a venv looks for its home
    return folder


def _copied(source: Path, target: Path, *, whole: bool) -> None:
    if source.is_dir():
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, target, ignore=skipped, dirs_exist_ok=True)
        return
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
