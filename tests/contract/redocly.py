"""Redocly, which lints a document and weighs what changed between two."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.clients import toolchain

PROGRAM = toolchain.MODULES / "@redocly" / "cli" / "bin" / "cli.js"
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
"""It is to speak with nobody but us."""


@dataclass(frozen=True, slots=True)
class Redocly:
    """The program, run by node."""

    node: str

    def lint(self, document: Path) -> set[str]:
        """The rules that a document breaks, those that only warn among them."""
        _, told = self._ran("lint", document, "--extends=recommended")
        return {problem["ruleId"] for problem in told["problems"]}

    def diff(self, base: Path, revision: Path, *options: str) -> tuple[bool, set[str]]:
        """Whether a document may follow another, and the rules by which it breaks clients."""
        passed, told = self._ran("diff", base, revision, "--fail-on=major", *options)
        verdicts = (verdict for change in told["changes"] for verdict in change["verdicts"])
        return passed, {each["ruleId"] for each in verdicts if each["impact"] == "major"}

    def _ran(self, command: str, *arguments: Path | str) -> tuple[bool, Mapping[str, Any]]:
        run = subprocess.run(
            [self.node, PROGRAM, command, *arguments, "--format=json"],
            env={**os.environ, **QUIET},
            capture_output=True,
            timeout=toolchain.PATIENCE,
            check=False,
        )
        assert run.stdout, run.stderr.decode()
        return run.returncode == 0, json.loads(run.stdout)


def needed() -> Redocly:
    """Redocly. Skips the test without it, or fails it where nothing may be missing."""
    toolchain.needed((toolchain.NODE, toolchain.PACKAGES))
    node = toolchain.program(toolchain.NODE.name)
    assert node is not None
    return Redocly(node)
