"""What the tour shows: a table of requests, of what has to come of each, and of what is shown."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from gateway.canonical import json_text
from gateway.sandbox.close_seed import field_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a step brought about: the gateway's answer, and the calls that its vendor received."""

    vendor: str
    status: int
    answer: Any
    calls: Sequence[Mapping[str, Any]]
    effects: int


@dataclass(frozen=True, slots=True)
class Column:
    """What is shown on the left: its head, and its lines."""

    head: str
    lines: Callable[[Seen], list[str]]
    abreast: bool = False
    """Whether each line stands beside the one on the right that says the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request to the gateway, what has to come of it, and what of it is shown.

    `{id}` in the request is the opportunity that the tour made at the vendor. `expects` maps JSON
    pointers (RFC 6901) into the answer to values, None where nothing may be; `effects` counts what
    the vendor changes; `fault` is a script for the sandbox.
    """

    vendor: str = ""
    ask: str
    body: Any = None
    lenient: bool = False
    fault: Mapping[str, Any] | None = None
    status: int = 200
    expects: Mapping[str, Any]
    effects: int = 0
    left: Column
    right: Sequence[str] = ()
    """Members of the answer; without any the left column has the whole width, and long ids."""

    def about(self, opportunity_id: str) -> "Step":
        """The step with `{id}` filled in."""
        body = json_text.write(self.body).replace(b"{id}", opportunity_id.encode())
        ask = self.ask.replace("{id}", opportunity_id)
        return replace(self, ask=ask, body=json_text.read(body))

    def wrong(self, seen: Seen) -> list[str]:
        """What came of it that should not have."""
        pairs = {
            "the status": (self.status, seen.status),
            "the number of changes at the vendor": (self.effects, seen.effects),
            **{at: (value, found(seen.answer, at)) for at, value in self.expects.items()},
        }
        return [
            f"{what} is {shown(told)}, not {shown(expected)}"
            for what, (expected, told) in pairs.items()
            if told != expected
        ]


@dataclass(frozen=True, slots=True)
class Scene:
    """Steps that show one thing."""

    heading: str
    sentence: str
    steps: Sequence[Step]


def _kept(seen: Seen) -> list[str]:
    """The vendor's own record, as far as it says what `CANONICAL` names."""
    raw = found(seen.answer, "/raw")
    return [place and member(place, found(raw, place)) for place in OWN[seen.vendor]]


def _received(seen: Seen) -> list[str]:
    """The calls that arrived at the vendor."""
    return [line for call in seen.calls for line in _lines(call, call["path"])] or ["(no call)"]


def _planned(seen: Seen) -> list[str]:
    """The vendor requests of a dry run."""
    calls = found(seen.answer, "/requests") or ()
    return [line for call in calls for line in _lines(call, call["url"])]


def _counted(seen: Seen) -> list[str]:
    """The opportunities of a list, by connection and status."""
    items = found(seen.answer, "/items") or ()
    tally = Counter((item["connection"], item["status"] or "null") for item in items)
    return [f"{connection:14} {status:8}{count:4}" for (connection, status), count in tally.items()]


KEPT = Column("{vendor} keeps", _kept, abreast=True)
RECEIVED = Column("{vendor} received", _received)
PLANNED = Column("{vendor} would receive", _planned)
COUNTED = Column("connection, status, how many", _counted)


def member(place: str, value: Any) -> str:
    """A member of a JSON object, without the way to it."""
    return f'"{place.rpartition("/")[2]}": {shown(value)}'


def shown(value: Any) -> str:
    """A value as JSON, with blanks where a line may be broken."""
    return json_text.write(value).decode().replace('":', '": ').replace(',"', ', "')


def found(value: Any, place: str) -> Any:
    """What a JSON pointer points at, None where nothing is."""
    for part in place.split("/")[1:]:
        try:
            value = value[int(part) if isinstance(value, list) else part]
        except (LookupError, TypeError, ValueError):
            return None
    return value


def _lines(call: Mapping[str, Any], target: str) -> list[str]:
    """A vendor request: its line, its headers but for the usual, the members of its body."""
    headers = [(name, value) for name, value in call["headers"].items()
               if name.lower() != "content-type"]  # fmt: skip
    return [
        f"{call['method']} {target}",
        *(f"  {name}: {value}" for name, value in headers),
        *(f"  {member(name, value)}" for name, value in (call["body"] or {}).items()),
    ]


CANONICAL = ("name", "value", "expected_close_date", "stage", "warnings")
OWN: Mapping[str, tuple[str, str, str, str]] = {
    "slant": ("/name", "/value", "/target_close_date", "/pipeline_stage"),
    "coperniq": ("/title", "/value", "", "/phase"),
    "close": (f"/custom.{field_id('Deal name')}", "/value", "/date_won", "/status_label"),
    "reevo": ("/attributes/display_name", "/attributes/amount",
              "/attributes/anticipated_closing_at", "/attributes/stage"),
}  # fmt: skip
"""Where a vendor keeps what `CANONICAL` names, in the same order; empty for nowhere."""
AMOUNTS: Mapping[str, Callable[[int], Any]] = {
    "slant": lambda dollars: dollars,
    "coperniq": lambda dollars: dollars,
    "close": lambda dollars: dollars * 100,
    "reevo": lambda dollars: {"value": {"amount": f"{dollars}.00"}, "value_type": "currency"},
}
"""How a vendor spells an amount of whole dollars."""
STAGES: Mapping[str, Mapping[str, Any]] = {
    "slant": {"stage": {"name": "Qualified"}},
    "coperniq": {"pipeline": {"name": "Residential Solar Sales"}, "stage": {"name": "Proposal"}},
    "close": {"stage": {"name": "Proposal sent"}},
    "reevo": {"stage": {"name": "Qualified"}},
}
DAY = f"{datetime.now(UTC).year + 1}-06-30"
DRAFT = {"name": "Harbour expansion", "value": {"amount": "7500.00"}, "expected_close_date": DAY}
ROBOTS = (
    ({"custom_fields": {"robots": ["Picker"]}}, ["Picker"]),
    ({"custom_fields_add": {"robots": ["Courier"]}}, ["Picker", "Courier"]),
)
PATCH = "PATCH /v1/opportunities/{id}"

SCENES = (
    Scene(
        "The same opportunity at four vendors",
        "One body goes to four connections. The request is lenient: what a vendor cannot take is "
        "left out and told in a warning. Without that it would be refused.",
        [
            Step(vendor=vendor, ask="POST /v1/opportunities?include=raw", lenient=True, status=201,
                 body={"connection": f"acme-{vendor}", **DRAFT}, effects=1,
                 expects={"/name": DRAFT["name"], "/value/amount": "7500.00",
                          f"/raw{amount}": AMOUNTS[vendor](7500),
                          "/expected_close_date": DAY if day else None,
                          "/warnings/0/pointer": None if day else "/expected_close_date"},
                 left=KEPT, right=CANONICAL)
            for vendor, (_, amount, day, _) in OWN.items()
        ],
    ),
    Scene(
        "A stage moved by its name",
        "The gateway finds the id, and repeats what the vendor wants to be told again. What it "
        "reads to find it (stages, users, custom fields) is kept for the next time.",
        [
            Step(vendor=vendor, ask=PATCH, body=body, effects=1,
                 expects={"/stage/name": body["stage"]["name"], "/value/amount": "7500.00"},
                 left=RECEIVED, right=("stage", "status"))
            for vendor, body in STAGES.items()
        ],
    ),
    Scene(
        "A custom field set, and a value added to it",
        "The connection's alias stands for the vendor's key.",
        [
            Step(vendor="close", ask=PATCH, body=body, effects=1,
                 expects={"/custom_fields/robots": robots}, left=RECEIVED, right=("custom_fields",))
            for body, robots in ROBOTS
        ],
    ),
    Scene(
        "A value that the vendor cannot hold",
        "Slant keeps whole dollars. Nothing is rounded: the nearest that it can hold are named.",
        [
            Step(vendor="slant", ask=PATCH, body={"value": {"amount": "10.50"}}, status=422,
                 expects={"/code": "value-not-representable", "/outcome": "not_applied",
                          "/errors/0/allowed": ["10", "11"]},
                 left=RECEIVED, right=("code", "outcome", "detail", "errors")),
        ],
    ),
    Scene(
        "A write whose answer never came",
        "Close stores the change and breaks the connection. The gateway cannot know, and says so.",
        [
            Step(vendor="close", ask=PATCH, body={"value": {"amount": "7600.00"}}, status=502,
                 fault={"match": {"method": "PUT"}, "fault": {"kind": "reset"}, "when": "after"},
                 expects={"/code": "outcome-indeterminate", "/outcome": "unknown"}, effects=1,
                 left=RECEIVED, right=("code", "outcome", "detail")),
        ],
    ),
    Scene(
        "A dry run",
        "The very requests that a PATCH would make, secrets hidden, and none of them is made.",
        [
            Step(vendor=vendor, ask=f"POST /v1/connections/acme-{vendor}/translations",
                 body={"operation": "update", "opportunity_id": "{id}",
                       "body": {"name": "Harbour expansion II", "value": {"amount": "8250.00"}}},
                 expects={f"/requests/0/body{amount}": AMOUNTS[vendor](8250), "/requests/1": None},
                 left=PLANNED)
            for vendor, (_, amount, _, _) in OWN.items()
        ],
    ),
    Scene(
        "One list over all of them",
        "Coperniq does not show whether a sale is open, won or lost: null, and not a guess.",
        [
            Step(ask="GET /v1/opportunities?limit=200", left=COUNTED,
                 expects={"/next_cursor": None, "/errors": []}, right=("next_cursor", "errors")),
        ],
    ),
)  # fmt: skip
