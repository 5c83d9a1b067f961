"""The programs that the guides show run as they stand, in every language, and print the same."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.api.docs.page import FOLDER, GUIDES
from tests.contract.clients.toolchain import MODULES, NODE, PACKAGES, needed, program, ran
from tests.integration.programs import PATIENCE, Program
from tests.integration.two_ends import Sandbox
from tests.programs import CURL, JQ, Toolbox
from tests.sandboxed import KEY

CALLS = FOLDER / "calls"
LATER = {"kind": "status", "status": 425}
"""What a vendor says that will take the same request later."""


def in_shell() -> tuple[list[str], dict[str, str]]:
    """A shell that finds curl and jq."""
    found = [Toolbox(os.environ).needed(tool) for tool in (CURL, JQ)]
    path = ":".join([*(str(each.path.parent) for each in found), os.environ["PATH"]])
    libraries = ":".join(each.environ.get("LD_LIBRARY_PATH", "") for each in found).strip(":")
    return ["/bin/sh", "-eu"], {"PATH": path, "LD_LIBRARY_PATH": libraries}


def in_python() -> tuple[list[str], dict[str, str]]:
    """The Python that runs the tests, which has httpx."""
    return [sys.executable, "-"], {"PATH": os.environ["PATH"]}


def in_node() -> tuple[list[str], dict[str, str]]:
    """A Node of any age: the programs have no types to strip, only such as are inferred."""
    needed([NODE])
    return [program("node") or "", "--input-type=module", "-"], {"PATH": os.environ["PATH"]}


LANGUAGES = {"sh": in_shell, "py": in_python, "ts": in_node}


async def printed(call: Path, url: str) -> str:
    """What a program prints; it ends well, and complains of nothing."""
    return await asyncio.to_thread(_printed, call, url)


def _printed(call: Path, url: str) -> str:
    command, environ = LANGUAGES[call.suffix[1:]]()
    run = subprocess.run(
        command,
        input=call.read_text(encoding="utf-8"),
        env={**environ, "GATEWAY_URL": url, "GATEWAY_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, ""), run.stdout
    return run.stdout


def told(name: str) -> tuple[Mapping[str, Path], str]:
    """The programs of a guide by language, and what it says that they print."""
    stem = name.replace("-", "_")
    programs = {language: CALLS / f"{stem}.{language}" for language in LANGUAGES}
    return programs, (CALLS / f"{stem}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", GUIDES)
async def test_a_program_prints_what_the_guide_says(
    gateway_program: Program, sandbox: Sandbox, name: str, language: str
) -> None:
    """Line by line, whatever the language."""
    programs, expected = told(name)
    assert await printed(programs[language], gateway_program.url) == expected


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_program_sends_again_what_may_succeed_later(
    gateway_program: Program, sandbox: Sandbox, language: str
) -> None:
    """The guide to errors waits, repeats under the same key, and has made one opportunity."""
    programs, expected = told("errors")
    await sandbox.spoil("close", LATER, {"method": "POST", "path": "/opportunity/"})
    assert await printed(programs[language], gateway_program.url) == expected
    assert await sandbox.unspent("close") == []
    ledger = await sandbox.ledger("close")
    assert len(ledger.calls("POST", "/opportunity/")) == 2
    assert len(ledger.effects) == 1


def test_the_typescript_programs_have_sound_types() -> None:
    """By the compiler's strict rules, though their types are inferred."""
    needed([NODE, PACKAGES])
    options = ["--noEmit", "--strict", "--target", "es2022", "--module", "preserve"]
    libraries = ["--lib", "es2022,dom,dom.iterable", "--types", "node"]
    roots = ["--typeRoots", str(MODULES / "@types")]
    files = [str(file) for file in sorted(CALLS.glob("*.ts"))]
    compiler = str(MODULES / "typescript" / "bin" / "tsc")
    ran(["node", compiler, *options, *libraries, *roots, *files], CALLS)
