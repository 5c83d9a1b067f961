"""What the tour shows: a table of requests, of what has to come of each, and of what is shown."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.demo.steps import Column, Scene, Seen, Step, found, member
from gateway.sandbox.close_seed import field_id


def _kept(seen: Seen) -> list[str]:
    """The vendor's own record, as far as it says what `CANONICAL` names."""
    raw = found(seen.answer, "/raw")
    return [place and member(place, found(raw, place)) for place in OWN[seen.vendor]]


def _received(seen: Seen) -> list[str]:
    """The calls that arrived at the vendor."""
    targets = ("?".join(filter(None, (call["path"], call["query"]))) for call in seen.calls)
    lines = (_lines(call, target) for call, target in zip(seen.calls, targets, strict=True))
    return [line for call in lines for line in call] or ["(no call)"]


def _planned(seen: Seen) -> list[str]:
    """The vendor requests of a dry run."""
    calls = found(seen.answer, "/requests") or ()
    return [line for call in calls for line in _lines(call, call["url"])]


def _counted(seen: Seen) -> list[str]:
    """The opportunities of a list, by connection and status."""
    items = found(seen.answer, "/items") or ()
    tally = Counter((item["connection"], item["status"] or "null") for item in items)
    return [f"{connection:14} {status:8}{count:4}" for (connection, status), count in tally.items()]


def _evidence(seen: Seen) -> list[str]:
    """What the record of an operation says of how it went."""
    lines = found(seen.answer, "/evidence") or ()
    return [f"{line['kind']}: {line['detail']}" for line in lines] or ["(nothing of note)"]


KEPT = Column("{vendor} keeps", _kept, abreast=True)
RECEIVED = Column("{vendor} received", _received)
PLANNED = Column("{vendor} would receive", _planned)
EVIDENCE = Column("how it was found out", _evidence)
COUNTED = Column("connection, status, how many", _counted)


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
CREATE = "POST /v1/opportunities"
LENIENT = {"Prefer": "handling=lenient"}
PIER = {"connection": "acme-reevo", "name": "Pier", "value": {"amount": "12000.00"}}
PIER_KEY = {"Idempotency-Key": "pier-1"}
LIGHTHOUSE = {"connection": "acme-close", "name": "Lighthouse", "value": {"amount": "990.00"}}
LIGHTHOUSE_KEY = {"Idempotency-Key": "lighthouse-1"}
COMMITS_AND_HANGS = {
    "match": {"method": "POST", "body": "Lighthouse"}, "fault": {"kind": "hang"}, "when": "after",
}  # fmt: skip

SCENES = (
    Scene(
        "The same opportunity at four vendors",
        "One body goes to four connections. The request is lenient: what a vendor cannot take is "
        "left out and told in a warning. Without that it would be refused.",
        [
            Step(vendor=vendor, ask=f"{CREATE}?include=raw", sent=LENIENT, status=201,
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
        "The same create, sent twice",
        "A caller whose line broke sends it again under its key, and gets the very same answer: "
        "the vendor is not called. Another request under that key is refused.",
        [
            Step(vendor="reevo", ask=CREATE, sent=PIER_KEY, body=PIER, status=201, effects=1,
                 expects={"/name": "Pier"}, answered={"Idempotency-Status": "created"},
                 left=RECEIVED, right=("id", "name", "value")),
            Step(vendor="reevo", ask=CREATE, sent=PIER_KEY, body=PIER, status=201, same=True,
                 expects={"/name": "Pier"}, left=RECEIVED, right=("id", "name", "value"),
                 answered={"Idempotency-Status": "replayed", "Idempotent-Replayed": "true"}),
            Step(vendor="reevo", ask=CREATE, sent=PIER_KEY, body={**PIER, "name": "Quay"},
                 status=422, expects={"/code": "idempotency-key-reused"}, left=RECEIVED,
                 answered={"Idempotency-Status": "mismatch"}, right=("code", "detail")),
        ],
    ),
    Scene(
        "A vendor that commits, and then hangs",
        "Close makes the record and never answers. The caller is told that this is not known. The "
        "gateway sends nothing again: it looks for the mark that it left in the record, and who "
        "repeats the request gets the true answer. The operation shows how it was found.",
        [
            Step(vendor="close", ask=CREATE, sent=LIGHTHOUSE_KEY, body=LIGHTHOUSE, status=504,
                 effects=1, fault=COMMITS_AND_HANGS, left=RECEIVED,
                 expects={"/code": "outcome-indeterminate", "/outcome": "unknown",
                          "/retry": "same_request"},
                 answered={"Idempotency-Status": "indeterminate"},
                 right=("code", "outcome", "retry", "operation_id")),
            Step(vendor="close", ask=CREATE, sent=LIGHTHOUSE_KEY, body=LIGHTHOUSE, status=201,
                 expects={"/name": "Lighthouse", "/warnings/0/code": "reconstructed"},
                 answered={"Idempotency-Status": "replayed"}, left=RECEIVED,
                 right=("id", "name", "warnings")),
            Step(vendor="close", ask="GET /v1/operations/{operation}",
                 expects={"/state": "succeeded", "/attempts": 1, "/opportunity_id": "{id}",
                          "/resolved_by": "gateway", "/answer/status": 201},
                 left=EVIDENCE, right=("state", "attempts", "resolved_by", "reason")),
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
