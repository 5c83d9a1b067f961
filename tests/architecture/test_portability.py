"""Nothing that is committed knows the machine it was made on, or where packages come from."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT, committed_files, short, text_of

REGISTRIES = tuple(
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("golang", "org"),
        ("debian", "org"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("maven", "org"),
        ("nuget", "org"),
        ("anaconda", "org"),
    )
)
OF_A_MACHINE = re.compile(r"""(?:^|[\s"'`(=:,\[])/(?:home|Users|root|tmp|work|var/folders)/\S*""")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)

LOCK = ROOT / "deploy" / "requirements.txt"
DEV_LOCK = ROOT / "deploy" / "requirements-dev.txt"


def places_of_this_machine(text: str) -> list[str]:
    """Registry hosts and absolute paths in a text."""
    hosts = [host for host in REGISTRIES if host in text.lower()]
    paths = [match.group().strip() for match in OF_A_MACHINE.finditer(text)]
    return hosts + paths


def pins(lock: Path) -> dict[str, str]:
    """The versions that a lock file holds, by package."""
    return dict(PIN.findall(lock.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", committed_files(), ids=short)
def test_the_file_would_be_the_same_from_another_machine(path: Path) -> None:
    """No host of a package registry, no path of a developer's machine."""
    assert places_of_this_machine(text_of(path) or "") == []


@pytest.mark.parametrize("start", ["", "see ", 'open("', "PATH=", "- `"])
@pytest.mark.parametrize("home", ["home", "root", "Users", "tmp"])
def test_a_path_of_a_machine_is_noticed(start: str, home: str) -> None:
    """The search above finds what it looks for, and leaves a URL's path alone."""
    assert places_of_this_machine(f"{start}/{home}/ada/notes")
    assert places_of_this_machine(f"example.test/{home}/ada/notes") == []


@pytest.mark.parametrize("host", REGISTRIES)
def test_a_registry_is_noticed(host: str) -> None:
    """The search above finds what it looks for."""
    assert places_of_this_machine(f"resolved: files.{host.upper()}/a.tgz") == [host]


def test_what_is_tested_is_what_is_shipped() -> None:
    """The development lock holds the runtime lock's versions, all of them."""
    assert pins(LOCK).items() <= pins(DEV_LOCK).items()


def test_the_locks_know_every_declared_package() -> None:
    """A dependency that was added without `make lock` is noticed."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = [
        *declared["project"]["dependencies"],
        *declared["project"]["optional-dependencies"]["fast"],
        *declared["project"]["optional-dependencies"]["otel"],
    ]
    groups = declared["dependency-groups"]
    development = [*groups["build"], *(each for each in groups["dev"] if isinstance(each, str))]
    assert _names(runtime) <= pins(LOCK).keys()
    assert _names(development) <= pins(DEV_LOCK).keys()


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", requirement)[0] for requirement in requirements}
