"""Tries the tests on broken variants of our code: every one has to be caught (`make mutants`)."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from tests.mutants.mutant import ROOT, Mutant, faults
from tests.mutants.table import DEFECTS, MUTANTS

COPIED: Final = ("gateway", "tests", "pyproject.toml", "README.md")
SECONDS: Final = 30
"""What one test may take before it hangs: there are mutants that wait for ever."""
FAILED: Final = 1
"""What pytest ends with where tests ran and some failed; no mutant is caught by a slip of ours."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant."""

    mutant: Mutant
    caught_by: str | None

    @property
    def line(self) -> str:
        """As it is printed."""
        fate = f"caught by {self.caught_by}" if self.caught_by else "SURVIVED"
        return f"{self.mutant.defect:>2}  {self.mutant.title}: {fate}"


class Copy:
    """A copy of the tree that may be broken."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in COPIED:
            source, target = ROOT / name, folder / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, target)

    def tried(self, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Runs tests in it until the first fails."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
                   "--no-header", "-rf", "--tb=no", f"--timeout={SECONDS}", *tests]  # fmt: skip
        # A byte code file is told from an older one by a time in seconds and a size alone.
        environ = {
            **os.environ,
            "PYTHONPATH": str(self._folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "GATEWAY_TOOLS": os.environ.get("GATEWAY_TOOLS", str(ROOT / ".tools")),
        }
        return subprocess.run(
            command, cwd=self._folder, env=environ, capture_output=True, text=True, check=False
        )

    def judged(self, mutant: Mutant) -> Verdict:
        """Breaks it in one way, and mends it again."""
        with self._broken(mutant):
            ran = self.tried(mutant.tests)
        lines = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        if ran.returncode not in {0, FAILED} or (ran.returncode == FAILED and not lines):
            raise RuntimeError(f"{mutant.title}: the tests did not run\n{ran.stdout}{ran.stderr}")
        caught_by = lines[0].split()[1].rpartition("/")[2] if ran.returncode == FAILED else None
        return Verdict(mutant, caught_by)

    @contextmanager
    def _broken(self, mutant: Mutant) -> Iterator[None]:
        whole = {path: (self._folder / path).read_text() for path in mutant.files}
        for path, text in whole.items():
            (self._folder / path).write_text(mutant.applied(path, text))
        try:
            yield
        finally:
            for path, text in whole.items():
                (self._folder / path).write_text(text)


def say(*lines: str) -> None:
    """Tells at once: a run takes minutes."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def main() -> int:
    """Judges every mutant, or those of the defects that are named; 1 where one survives."""
    if wrong := faults(MUTANTS, DEFECTS):
        say(*wrong)
        return 1
    named = {int(number) for number in sys.argv[1:]} or set(DEFECTS)
    chosen = [mutant for mutant in MUTANTS if mutant.defect in named]
    workers = max(os.cpu_count() or 1, 1)
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        copies: SimpleQueue[Copy] = SimpleQueue()
        for number in range(workers):
            copies.put(Copy(Path(scratch, str(number))))

        def judged(mutant: Mutant) -> Verdict:
            copy = copies.get()
            try:
                verdict = copy.judged(mutant)
            finally:
                copies.put(copy)
            say(verdict.line)
            return verdict

        copy = copies.get()
        sound = copy.tried(sorted({test for mutant in chosen for test in mutant.tests}))
        copies.put(copy)
        if sound.returncode:
            say("The tests fail on what is whole:", sound.stdout)
            return 1
        with ThreadPoolExecutor(workers) as pool:
            verdicts = list(pool.map(judged, chosen))
    survivors = [verdict for verdict in verdicts if verdict.caught_by is None]
    say(f"{len(chosen)} mutants of {len(named)} defects, {len(survivors)} survived")
    return 1 if survivors else 0
