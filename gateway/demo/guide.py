"""The guide: plays scenes on a terminal, in columns that can be read without colour."""

import os
import re
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from gateway.demo.house import KEY, Answered, House
from gateway.demo.steps import Scene, Seen, Step, found, member, shown

BOLD, DIM, RED, GREEN = 1, 2, 31, 32
"""As ANSI terminals number them."""
NOWHERE = "acme-none.none"
LONG_ID = re.compile(r"([\w-]{12})[\w-]{12,}")
INVITATION = """
The gateway serves at {gateway}, the vendors at {sandbox}; Ctrl-C ends both.

For people, the console: {gateway}/console
  its key, which may do everything here: {key}

For programs, to copy:

  curl -s {gateway}/v1/connections -H 'Authorization: Bearer {key}'
  curl -s '{gateway}/v1/opportunities?limit=2' -H 'Authorization: Bearer {key}'
  curl -s {gateway}/v1/opportunities/{id} -H 'Authorization: Bearer {key}'
  curl -s -X PATCH {gateway}/v1/opportunities/{id} \\
    -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\
    -H 'Idempotency-Key: won-1' -d '{{"status": "won"}}'
  curl -s {gateway}/v1/operations -H 'Authorization: Bearer {key}'
  curl -s {sandbox}/close/_ledger    # what the vendor received, and what it changed

Every operation: {gateway}/docs
"""


class Guide:
    """Plays scenes and tells what came of them."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._made: dict[str, str] = {}
        self._operation = "op_none"
        self._content = b""
        self._known: Counter[tuple[str, str]] = Counter()
        self._width = min(max(shutil.get_terminal_size((100, 24)).columns, 60), 160)
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def lead(self, scenes: Sequence[Scene]) -> int:
        """Plays every scene; how many steps did not come out as expected."""
        outcomes = []
        for number, scene in enumerate(scenes, start=1):
            self._say(f"\n\n{number}. {scene.heading}", BOLD)
            self._say(textwrap.fill(scene.sentence, self._width))
            outcomes += [self._play(step) for step in scene.steps]
        self._say(f"\n{sum(outcomes)} of {len(outcomes)} steps came out as expected.", BOLD)
        return outcomes.count(False)

    def invite(self) -> None:
        """Prints requests to copy."""
        urls = {name: self._house.url(name) for name in self._house.ports}
        print(INVITATION.format(**urls, key=KEY, id=self._made.get("close")), flush=True)

    def _play(self, told: Step) -> bool:
        step = told.about(
            {"id": self._made.get(told.vendor, NOWHERE), "operation": self._operation}
        )
        self._say(f"\n{step.ask}")
        for name, value in step.sent.items():
            self._say(f"{name}: {value}")
        if step.body is not None:
            self._say(shown(step.body))
        seen = self._seen(step)
        self._columns(step, seen)
        wrong = step.wrong(seen)
        for difference in wrong:
            self._say(f"NOT AS EXPECTED: {difference}", RED)
        if wrong:
            self._say(f"The answer says: {shown(found(seen.answer, '/detail'))}", RED)
        else:
            self._say(f"{seen.status}, as expected", GREEN)
        return not wrong

    def _seen(self, step: Step) -> Seen:
        """Plays a step, and looks into what its vendor received."""
        if step.fault is not None:
            self._house.ask("sandbox", f"POST /{step.vendor}/_faults", step.fault)
        headers = {"Authorization": f"Bearer {KEY}", **step.sent}
        told = self._house.ask("gateway", step.ask, step.body, headers)
        calls, effects = self._news(step.vendor)
        seen = Seen(
            vendor=step.vendor,
            status=told.status,
            headers=told.headers,
            answer=told.json,
            calls=calls,
            effects=len(effects),
            same=told.content == self._content,
        )
        self._remember(step, told)
        return seen

    def _remember(self, step: Step, told: Answered) -> None:
        self._content = told.content
        if told.status == 201:
            self._made[step.vendor] = told.json["id"]
        self._operation = found(told.json, "/operation_id") or self._operation

    def _news(self, vendor: str) -> Iterator[Sequence[Any]]:
        """The calls and the effects that the vendor had since its last step."""
        ledger = self._house.ask("sandbox", f"GET /{vendor}/_ledger").json
        for kind in ("requests", "effects"):
            told = ledger.get(kind, ())
            yield told[self._known[vendor, kind] :]
            self._known[vendor, kind] = len(told)

    def _columns(self, step: Step, seen: Seen) -> None:
        """What is left and what is right, side by side."""
        head = step.left.head.format(vendor=step.vendor.capitalize())
        ours = step.left.lines(seen)
        if not step.right:
            self._say(f"  {head}", DIM)
            self._say(textwrap.indent("\n".join(ours), "    "))
            return
        width = (self._width - 5) // 2
        self._say(f"  {head:{width}} | the caller gets", DIM)
        theirs = [f"{name}: {seen.headers.get(name.lower())}" for name in step.answered]
        theirs += [member(name, found(seen.answer, f"/{name}")) for name in step.right]
        theirs += ["(byte for byte the answer before)"] if step.same else []
        rows = zip_longest(ours, theirs, fillvalue="")
        for row in rows if step.left.abreast else [("\n".join(ours), "\n".join(theirs))]:
            cells = (wrapped(LONG_ID.sub(r"\1~", cell), width) for cell in row)
            for left, right in zip_longest(*cells, fillvalue=""):
                self._say(f"  {left:{width}} | {right}".rstrip())

    def _say(self, text: str, colour: int = 0) -> None:
        for line in wrapped(text, self._width):
            print(f"\033[{colour}m{line}\033[0m" if self._coloured and colour and line else line)


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a text, broken where they do not fit the width."""
    fitting = textwrap.TextWrapper(width, subsequent_indent="    ", break_on_hyphens=False)
    return [part for line in text.splitlines() for part in fitting.wrap(line) or [""]]
