"""Clients that generators make of the document do what a caller of the gateway needs."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.api.problems import TITLES
from gateway.canonical import json_text
from tests.architecture.source_tree import ROOT
from tests.contract.clients.languages import PYTHON, QUICK, Client
from tests.contract.clients.later import ADDED, UNKNOWN, problem, problems_of
from tests.contract.clients.toolchain import HERE
from tests.contract.clients.workshop import CLIENTS, Workshop
from tests.contract.releases import RELEASED, read

pytestmark = pytest.mark.timeout(900)  # the first build of Go's own library is a long one
of_every_client = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)

MET = {
    "another under the key": (422, "idempotency-key-reused"),
    "stale version": (412, "precondition-failed"),
    "bad cursor": (400, "invalid-cursor"),
    "unknown caller": (401, "unauthenticated"),
    "without the right": (403, "forbidden"),
    "no connection": (404, "connection-not-found"),
    "no opportunity": (404, "opportunity-not-found"),
    "twin": (409, "matches-existing"),
    "unknown stage": (422, "unknown-reference"),
    "unknown field": (422, "unknown-custom-field"),
    "cents": (422, "value-not-representable"),
    "no version": (428, "precondition-required"),
    "credentials": (502, "vendor-credentials-invalid"),
    "switched off": (503, "connection-disabled"),
    "too many": (429, "rate-limited"),
    "gone": (404, "opportunity-not-found"),
}
"""The problems of the live gateway, by step."""


@pytest.fixture(scope="session")
def told(workshop: Workshop, document: Path) -> dict[str, dict[str, Any]]:
    """What the Python client tells of the present document, by step."""
    return {line["step"]: line for line in workshop.transcript(PYTHON, document)}


@of_every_client
def test_the_languages_tell_the_same(workshop: Workshop, document: Path, client: Client) -> None:
    """Field for field; the strict checks of the language have passed before."""
    assert workshop.transcript(client, document) == workshop.transcript(PYTHON, document)


@of_every_client
@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.stem)
def test_a_client_of_a_released_document_goes_on_working(
    workshop: Workshop, document: Path, client: Client, released: Path
) -> None:
    """Against the present gateway it tells what a client of the present document tells.

    It is not asked to meet a problem whose status its document does not have.
    """
    known = problems_of(read(released))
    unknown = {f"problem {which}" for which in problems_of(read(document)) if which not in known}
    present = workshop.transcript(client, document)
    expected = [line for line in present if line["step"] not in unknown]
    assert workshop.transcript(client, released) == expected


def test_a_write_is_replayed(told: dict[str, dict[str, Any]]) -> None:
    """The second answer is the first one, and says so."""
    first, second = told["create"], told["replay"]
    assert (first["http"], first["key"], first["replayed"]) == (201, "created", None)
    assert (second["http"], second["key"], second["replayed"]) == (201, "replayed", "true")
    assert second["opportunity"] == first["opportunity"]
    assert first["located"] == f"/v1/opportunities/{first['opportunity']['id']}"


def test_what_is_read_is_what_was_written(told: dict[str, dict[str, Any]]) -> None:
    """With its version, by which it is not sent again."""
    assert told["read"]["opportunity"] == told["create"]["opportunity"]
    assert told["read"]["same"] is True
    assert told["read again"]["http"] == 304
    assert told["create"]["versioned"] is True


def test_a_patch_clears_sets_and_leaves_alone(told: dict[str, dict[str, Any]]) -> None:
    """Null clears a field and a custom field, and what is left out stays as it was."""
    before = told["create"]["opportunity"]
    assert (before["contract"], before["robots"]) != (None, ["Courier"])
    after = {**before, "description": None, "amount": "8000.50"}
    after |= {"contract": None, "robots": ["Courier"]}
    assert told["change"]["opportunity"] == after
    assert told["add"]["opportunity"] == {**after, "robots": ["Courier", "Inspector"]}


def test_a_list_is_read_to_its_end(told: dict[str, dict[str, Any]]) -> None:
    """Over the pages of two connections, each opportunity once; and one that fails is named."""
    items = told["list"]["items"]
    assert told["list"]["pages"] > len(items) // 7 > 2
    assert len({*items}) == len(items)
    assert {item.partition(".")[0] for item in items} == {"acme-close", "acme-reevo"}
    assert told["create"]["opportunity"]["id"] in items
    assert told["list without one"]["failed"] == [["abroad-close", "vendor-credentials-invalid"]]
    assert told["list without one"]["items"] > 0


@pytest.mark.parametrize("step", MET)
def test_a_problem_is_typed(told: dict[str, dict[str, Any]], step: str) -> None:
    """It has its class, of its status; and a Retry-After where it must have one."""
    line = told[step]
    assert (line["http"], line["problem"]["code"]) == MET[step]
    assert line["problem"]["status"] == line["http"]
    assert line["waits"] is (line["http"] in {429, 503})


def test_every_problem_is_typed(told: dict[str, dict[str, Any]], document: Path) -> None:
    """Each member of each that there is, but for the one that no generated client can deserve."""
    played = {which: told[f"problem {which}"] for which in problems_of(read(document))}
    for which, line in played.items():
        status, _, code = which.partition(".")
        full = json_text.read(json_text.write(problem(int(status), code)))
        absent = dict.fromkeys(("pointer", "parameter", "header", "allowed"))
        full["errors"] = [{**absent, **error} for error in full["errors"]]
        assert line == {"step": f"problem {which}", "http": int(status), "problem": full}
    met = {line["problem"]["code"] for line in played.values()}
    assert met == {*TITLES, UNKNOWN} - {"method-not-allowed"}


def test_a_later_release_is_survived(told: dict[str, dict[str, Any]]) -> None:
    """Values that no enumeration has today, and members that no schema has, disturb nothing."""
    later = {**told["add"]["opportunity"], ADDED: True}
    later |= dict.fromkeys(("period", "stage_status", "status"), UNKNOWN)
    assert told["later"]["opportunity"] == later
    (item,) = told["later page"]["items"]
    assert (item["status"], item[ADDED], told["later page"][ADDED]) == (UNKNOWN, True, True)
    assert told["later page"]["failed"] == [UNKNOWN]
    values = told["later values"]
    assert [values["state"], values["delete"], values["reads"]] == [UNKNOWN] * 3
    assert values["operations"] == [UNKNOWN]


def test_what_is_deleted_is_gone(told: dict[str, dict[str, Any]]) -> None:
    """The answer has no body, and the client does not miss it."""
    assert told["delete"]["http"] == 204


@pytest.mark.parametrize("client", QUICK, ids=lambda client: client.name)
def test_the_program_of_the_readme_runs(workshop: Workshop, document: Path, client: Client) -> None:
    """It makes an opportunity; run again, in whatever language, it tells of that same one."""
    made = workshop.made(client, document)
    environ = workshop.house.environ(document)
    printed = {made.runs("readme", **environ) for _ in range(2)}
    printed |= {workshop.made(PYTHON, document).runs("readme", **environ)}
    (line,) = printed
    assert re.fullmatch(r"acme-close\.oppo_\w+ Harbour open\n", line)


@pytest.mark.parametrize("program", ["readme.py", "readme.ts"])
def test_the_program_of_the_readme_has_ten_lines(program: str) -> None:
    """Those that are not blank."""
    lines = (HERE / program).read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line]) == 10


def test_the_lock_knows_every_generator() -> None:
    """A package that was added to the group without `make lock` is noticed."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = (HERE / "requirements.txt").read_text(encoding="utf-8")
    names = {re.split(r"[^\w.-]", each)[0] for each in declared["dependency-groups"]["clients"]}
    assert names <= {*re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
