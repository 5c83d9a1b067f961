"""What the document shows is what the gateway over the sandbox answers."""

from collections import Counter
from typing import Any

import pytest

from gateway.api import examples, failures, problems
from tests.contract.openapi import misfits, operation, operations, parts, resolved, the_document
from tests.contract.recording import recorded, written

IDS = [each["operationId"] for _, _, each in operations()]
WITH_BODIES = {"create_opportunity", "update_opportunity", "translate", "resolve_operation"}
KNOWN = {(problems.STATUS[kind], kind.code) for kind in problems.STATUS}


def shown(content: dict[str, Any]) -> dict[str, Any]:
    """The examples of a body by name."""
    found = content.get("examples", {})
    return {name: resolved(example)["value"] for name, example in found.items()}


async def test_the_examples_are_what_is_answered() -> None:
    """Each request is sent to the gateway, and each answer compared whole.

    If this fails with good reason, `python -m tests.contract.recording` writes them down anew.
    """
    assert written(await recorded()) == examples.RECORDED.read_text(encoding="utf-8")


@pytest.mark.parametrize("operation_id", IDS)
def test_every_operation_is_exemplified(operation_id: str) -> None:
    """With what it is sent, where, and with what it answers if all is well."""
    found = operation(operation_id)
    requests = found.get("requestBody", {}).get("content", {})
    assert bool(requests) is (operation_id in WITH_BODIES)
    assert all(map(shown, requests.values()))
    placed = [each for each in found["parameters"] if each["in"] == "path"]
    assert all("example" in each for each in placed)
    successes = {status: each for status, each in found["responses"].items() if status < "300"}
    for response in successes.values():
        assert all(map(shown, response.get("content", {}).values()))


@pytest.mark.parametrize("operation_id", IDS)
def test_examples_are_what_they_are_examples_of(operation_id: str) -> None:
    """Bodies and parameters are of their schemas; problems stand under their status and code."""
    found = operation(operation_id)
    bodies = [("", found.get("requestBody", {})), *found["responses"].items()]
    for status, part in bodies:
        for content in part.get("content", {}).values():
            for name, value in shown(content).items():
                assert misfits(content["schema"], value) == [], (status, name)
                if status >= "400":
                    assert (str(value["status"]), value["code"]) == (status, name)
                    writes = operation_id in failures.WRITES
                    assert ("outcome" in value) is writes
    for parameter in found["parameters"]:
        if "example" in parameter:
            assert misfits(parameter["schema"], parameter["example"]) == [], parameter["name"]


@pytest.mark.parametrize("operation_id", IDS)
def test_every_code_of_an_operation_has_its_example(operation_id: str) -> None:
    """Those that the words of a status name are those that it shows."""
    for status, response in operation(operation_id)["responses"].items():
        if status >= "400":
            named = shown(response["content"][problems.MEDIA_TYPE])
            assert [*named] == failures.codes(int(status), operation_id)
            told = "; ".join(f"`{code}`: {problems.TITLES[code]}" for code in named)
            assert response["description"] == f"{told}."


def test_every_code_is_shown() -> None:
    """Under each of its statuses, by an operation, or with the schema where no operation has it."""
    by_operations = {
        (int(status), code)
        for _, _, each in operations()
        for status, response in each["responses"].items()
        if status >= "400"
        for code in shown(response["content"][problems.MEDIA_TYPE])
    }
    beside = {
        (each["status"], each["code"])
        for each in the_document()["components"]["schemas"]["Problem"]["examples"]
    }
    assert beside == {(404, "route-not-found"), (405, "method-not-allowed")}
    assert by_operations | beside == KNOWN


def test_no_problem_is_exemplified_twice() -> None:
    """One example of each code under each status is enough."""
    counted = Counter((problems.STATUS[type(each)], each.code) for each in examples.SHOWN)
    assert counted == dict.fromkeys(KNOWN, 1)


def test_no_example_is_of_an_operation_that_there_is_not() -> None:
    """Nothing recorded is left over."""
    assert {each["operation"] for each in examples.recorded()} == {*IDS}


def test_an_example_that_does_not_fit_is_noticed() -> None:
    """The comparison with schemas finds what it looks for."""
    draft = {"$ref": "#/components/schemas/OpportunityDraft"}
    value = next(examples.exchanges("create_opportunity"))["body"]
    assert misfits(draft, value) == []
    assert misfits(draft, {**value, "nme": 1})
    assert misfits(draft, {**value, "value": {"amount": "1e3"}})
    problem = {"$ref": "#/components/schemas/Problem"}
    assert misfits(problem, {"status": "422"})
    assert not [part for part in parts(value) if "$ref" in part]
