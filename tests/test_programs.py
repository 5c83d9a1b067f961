"""Programs that tests need are found, else fetched, and their absence is told and counted."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.programs import BROWSER, HERE, NGINX, REDIS, TOOLS, Tool, Toolbox

ROOT = HERE.parent
TRUE = "#!/bin/sh\nexit 0\n"
FALSE = "#!/bin/sh\nexit 1\n"

# Packages become folders: dpkg-deb "unpacks" the program that the environment describes.
APT_GET = """#!/bin/sh
for package; do :; done
case "$package" in
    update) ;;
    "$UNKNOWN") exit 100 ;;
    *) : >"${package}_1.0_all.deb" ;;
esac
"""
DPKG_DEB = """#!/bin/sh
program=$(/usr/bin/basename "$2" | /usr/bin/cut -d_ -f1)
/bin/mkdir -p "$3/usr/bin" "$3/usr/lib/x86_64-linux-gnu"
printf '%s' "$UNPACKS" >"$3/usr/bin/$program"
/bin/chmod +x "$3/usr/bin/$program"
"""


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with nothing on it."""
    (tmp_path / "bin").mkdir()
    return {"PATH": str(tmp_path / "bin"), "GATEWAY_TOOLS": str(tmp_path / "tools")}


def install(machine: Mapping[str, str], name: str, script: str = TRUE) -> Path:
    """Puts a program on the machine's PATH."""
    program = Path(machine["PATH"], name)
    program.write_text(script, encoding="utf-8")
    program.chmod(0o755)
    return program


def install_apt(machine: Mapping[str, str]) -> None:
    """Gives the machine an apt-get that has every package but what `UNKNOWN` names."""
    install(machine, "apt-get", APT_GET)
    install(machine, "dpkg-deb", DPKG_DEB)


def test_a_program_on_path_comes_first(machine: dict[str, str]) -> None:
    """Even where an unpacked one lies ready."""
    install_apt(machine)
    list(Toolbox({**machine, "UNPACKS": TRUE}).fetch())
    program = install(machine, REDIS.name)
    found = Toolbox(machine).find(REDIS)
    assert found
    assert found.path == program


@pytest.mark.parametrize("alias", BROWSER.aliases)
def test_a_program_goes_by_its_other_names_too(machine: dict[str, str], alias: str) -> None:
    """A browser that is installed is as good as the one that would be unpacked."""
    program = install(machine, alias)
    found = Toolbox(machine).find(BROWSER)
    assert found
    assert found.path == program


def test_a_program_is_preferred_to_what_only_leads_to_it(machine: dict[str, str]) -> None:
    """What Debian has in usr/bin starts an installed browser, which is not there."""
    root = Path(machine["GATEWAY_TOOLS"], BROWSER.name)
    programs = [root / folder / BROWSER.name for folder in ("usr/bin", "usr/lib/chromium")]
    library = root / "usr/lib/x86_64-linux-gnu/pulseaudio"
    for folder in (library, *(program.parent for program in programs)):
        folder.mkdir(parents=True)
    for program in programs:
        program.touch()
    found = Toolbox(machine).find(BROWSER)
    assert found
    assert found.path == programs[1]
    assert str(library) in found.environ["LD_LIBRARY_PATH"].split(":")


def test_an_unpacked_program_finds_its_libraries(machine: dict[str, str]) -> None:
    """A machine without it gets it from its packages, with the libraries beside it."""
    install_apt(machine)
    told = list(Toolbox({**machine, "UNPACKS": TRUE}).fetch())
    assert told == [f"{tool.name} was unpacked below tools" for tool in TOOLS]
    root = Path(machine["GATEWAY_TOOLS"], NGINX.name)
    found = Toolbox(machine).find(NGINX)
    assert found
    assert found.path == root / "usr/bin/nginx"
    assert found.environ["LD_LIBRARY_PATH"] == str(root / "usr/lib/x86_64-linux-gnu")
    assert found.starts(NGINX)


def test_what_is_there_is_not_fetched_again(machine: dict[str, str]) -> None:
    """A second fetch has nothing to say, and a good program is not replaced."""
    install_apt(machine)
    list(Toolbox({**machine, "UNPACKS": TRUE}).fetch())
    assert list(Toolbox({**machine, "UNPACKS": FALSE}).fetch()) == []
    found = Toolbox(machine).find(REDIS)
    assert found
    assert found.starts(REDIS)


def test_a_package_that_there_is_not_stops_no_other(machine: dict[str, str]) -> None:
    """Another release of the system spells a library differently, or already has it."""
    install_apt(machine)
    told = list(Toolbox({**machine, "UNPACKS": TRUE, "UNKNOWN": "libssl3"}).fetch())
    assert told == [f"{tool.name} was unpacked below tools" for tool in TOOLS]


def test_a_program_that_does_not_start_is_not_kept(machine: dict[str, str]) -> None:
    """A library is missing, say: the tests are to skip then, not to stumble."""
    install_apt(machine)
    told = list(Toolbox({**machine, "UNPACKS": FALSE}).fetch())
    assert told == [f"{tool.name} is missing, and its package could not be had" for tool in TOOLS]
    assert [Toolbox(machine).find(tool) for tool in TOOLS] == [None] * len(TOOLS)
    assert list(Path(machine["GATEWAY_TOOLS"]).iterdir()) == []


def test_a_machine_without_apt_is_told_so(machine: dict[str, str]) -> None:
    """Fetching is no error where it cannot be done."""
    told = list(Toolbox(machine).fetch())
    assert told == [
        f"{tool.name} is missing, and there is no apt-get to fetch it with" for tool in TOOLS
    ]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_missing_program_skips_the_test(machine: dict[str, str], tool: Tool) -> None:
    """Nobody has to have a server to work on the rest."""
    with pytest.raises(pytest.skip.Exception, match=f"^{tool.name} is missing$"):
        Toolbox(machine).needed(tool)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_where_tools_are_required_a_missing_one_fails_the_test(
    machine: dict[str, str], tool: Tool
) -> None:
    """And the failure says how to get it."""
    with pytest.raises(pytest.fail.Exception, match=f"{tool.name} is missing: install"):
        Toolbox({**machine, "GATEWAY_REQUIRE_TOOLS": "1"}).needed(tool)


NEEDY = """
from tests.conftest import *

def test_one(redis_server): ...
def test_two(redis_server): ...
def test_three(start_balancer): ...
def test_four(): ...
"""


def run_of_needy_tests(machine: Mapping[str, str], folder: Path) -> tuple[int, str]:
    """A test run of its own: two tests want a Redis, one an nginx, one nothing."""
    (folder / "test_needy.py").write_text(NEEDY, encoding="utf-8")
    (folder / "conftest.py").write_text("from tests.conftest import *\n", encoding="utf-8")
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "-c", os.devnull]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        cwd=ROOT,
        env={**os.environ, "GATEWAY_REQUIRE_TOOLS": "", **machine},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, run.stdout


def test_skips_for_want_of_a_program_are_counted_aloud(
    machine: dict[str, str], tmp_path: Path
) -> None:
    """One line for each program: its name, the number of tests, and what to do."""
    status, printed = run_of_needy_tests(machine, tmp_path)
    assert status == 0
    assert f"redis-server is missing, 2 tests did not run: {REDIS.remedy}" in printed
    assert f"nginx is missing, 1 test did not run: {NGINX.remedy}" in printed
    assert "1 passed, 3 skipped" in printed


def test_a_run_that_requires_tools_fails_for_want_of_one(
    machine: dict[str, str], tmp_path: Path
) -> None:
    """What is missing on the build server is never silently untested."""
    status, printed = run_of_needy_tests({**machine, "GATEWAY_REQUIRE_TOOLS": "1"}, tmp_path)
    assert status == 1
    assert "1 passed, 3 errors" in printed
