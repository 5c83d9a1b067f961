"""A mutant: a defect that other libraries have, put into our code on purpose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]


class Edit(NamedTuple):
    """A text of a file, and what stands there instead."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken variant."""

    defect: int
    """Its number in reliability.md 3."""
    title: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    """What pytest is given: tests that have to fail."""

    @property
    def files(self) -> list[str]:
        """The files that it changes."""
        return list(dict.fromkeys(edit.path for edit in self.edits))

    def applied(self, path: str, text: str) -> str:
        """A file with the defect in it."""
        for edit in self.edits:
            if edit.path == path:
                text = text.replace(edit.old, edit.new)
        return text


def faults(mutants: Sequence[Mutant], defects: Mapping[int, str]) -> list[str]:
    """What is wrong with a table of mutants: the code has moved on, or a defect has none."""
    missing = sorted(set(defects) - {mutant.defect for mutant in mutants})
    found = [f"no mutant has the defect {number}: {defects[number]}" for number in missing]
    for mutant in mutants:
        for path, old, new in mutant.edits:
            times = (ROOT / path).read_text(encoding="utf-8").count(old)
            if times != 1 or old == new:
                found.append(f"{mutant.title}: what it breaks is in {path} {times} times")
        for test in mutant.tests:
            path, _, name = test.partition("::")
            file = ROOT / path
            defined = f"def {name.partition('[')[0]}(" if name else ""
            if not file.is_file() or defined not in file.read_text(encoding="utf-8"):
                found.append(f"{mutant.title}: there is no test {test}")
    return found
