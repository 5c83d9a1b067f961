"""The OpenAPI document: valid, complete, and in a style that clients can be made of."""

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.api import problems
from gateway.canonical import json_text
from gateway.canonical.query import FILTERS, SORTS
from tests.contract.openapi import operation, operations, parts, resolved, the_document

CONTRACT = {
    ("POST", "/v1/opportunities"): ("create_opportunity", {"201"}),
    ("GET", "/v1/opportunities"): ("list_opportunities", {"200"}),
    ("GET", "/v1/opportunities/{opportunity_id}"): ("get_opportunity", {"200", "304"}),
    ("PATCH", "/v1/opportunities/{opportunity_id}"): ("update_opportunity", {"200"}),
    ("DELETE", "/v1/opportunities/{opportunity_id}"): ("delete_opportunity", {"204"}),
    ("GET", "/v1/connections"): ("list_connections", {"200"}),
    ("GET", "/v1/connections/{connection}"): ("get_connection", {"200"}),
    ("GET", "/v1/connections/{connection}/capabilities"): ("get_capabilities", {"200"}),
    ("GET", "/v1/connections/{connection}/pipelines"): ("list_pipelines", {"200"}),
    ("GET", "/v1/connections/{connection}/custom-fields"): ("list_custom_fields", {"200"}),
    ("GET", "/v1/connections/{connection}/users"): ("list_users", {"200"}),
    ("POST", "/v1/connections/{connection}/translations"): ("translate", {"200"}),
    ("GET", "/v1/vendors"): ("list_vendors", {"200"}),
    ("GET", "/v1/operations"): ("list_operations", {"200"}),
    ("GET", "/v1/operations/{operation_id}"): ("get_operation", {"200"}),
    ("POST", "/v1/operations/{operation_id}/resolve"): ("resolve_operation", {"200"}),
    ("GET", "/v1/requests/{request_id}"): ("get_request", {"200"}),
    ("GET", "/v1/caller"): ("get_caller", {"200"}),
}
"""Method and path → operationId and successes (api.md 2)."""
REQUESTS = {
    "AccountRef", "ContactRef", "OpportunityDraft", "OpportunityPatch", "OwnerRef", "PipelineRef",
    "Resolution", "StageRef", "Translation", "ValueDraft",
}  # fmt: skip
"""The types of what callers send: closed, and of no answer."""
WRITES = ("create_opportunity", "update_opportunity", "delete_opportunity")
IDS = [each["operationId"] for _, _, each in operations()]


def schemas() -> dict[str, Any]:
    """The schemas of the document by name."""
    found: dict[str, Any] = the_document()["components"]["schemas"]
    return found


def test_the_document_is_valid() -> None:
    """By the specification's own schema, its defaults included."""
    OpenAPIV31SpecValidator(the_document()).validate()


def test_the_operations_are_those_of_the_contract() -> None:
    """Method, path, operationId and what a success is."""
    found = {
        (method.upper(), path): (
            each["operationId"],
            {status for status in each["responses"] if status < "400"},
        )
        for path, method, each in operations()
    }
    assert found == CONTRACT


def test_no_path_leads_out_of_v1() -> None:
    """Probes and pages are no part of the contract with clients."""
    assert all(path.startswith("/v1/") for path in the_document()["paths"])


def test_no_schema_has_a_twin() -> None:
    """One name, one type: generators drop or garble `-Input` and `-Output`."""
    assert [name for name in schemas() if not re.fullmatch(r"[A-Z][A-Za-z]+", name)] == []


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    """Nothing is left over."""
    used = {each["$ref"] for each in parts(the_document()) if "$ref" in each}
    components = the_document()["components"]
    assert used == {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "headers", "examples")
        for name in components[kind]
    }


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_requests_are_closed(name: str) -> None:
    """A misspelt member is told, so the document says that there is no other."""
    assert schemas()[name]["additionalProperties"] is False


def test_answers_are_open() -> None:
    """A client survives an added member: nothing in the document forbids one."""
    closed = {
        name for name, schema in schemas().items()
        for part in parts(schema) if part.get("additionalProperties") is False
    }  # fmt: skip
    assert closed == REQUESTS


def test_enumerations_in_answers_are_open() -> None:
    """A value may be added; those known today stand in an extension."""
    for name in schemas().keys() - REQUESTS:
        assert not [part for part in parts(schemas()[name]) if "enum" in part or "const" in part]
    known = schemas()["Opportunity"]["properties"]["status"]["anyOf"][0]
    assert known["x-extensible-enum"] == ["open", "on_hold", "won", "lost"]


def test_every_member_of_an_answer_is_always_there() -> None:
    """Null where there is nothing; problems alone leave out what does not apply."""
    sparse = {"Problem", "ProblemError", "ProblemVendor"}
    for name in schemas().keys() - REQUESTS - sparse:
        assert {*schemas()[name]["required"]} == {*schemas()[name]["properties"]}, name
    assert {*schemas()["Problem"]["required"]} == {
        "type", "title", "status", "detail", "instance", "code", "origin", "retry", "request_id",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_absent_is_not_null_in_a_request(name: str) -> None:
    """No default is offered that a client would send along: null clears."""
    assert not [part for part in parts(schemas()[name]) if part.get("default", 0) is None]


def test_money_is_a_string_with_a_pattern() -> None:
    """Generated clients pass no amount through a binary float, and know its one spelling."""
    for name in ("Value", "ValueDraft"):
        text, null = schemas()[name]["properties"]["amount"]["anyOf"]
        assert (text["type"], null["type"]) == ("string", "null")
        for amount in ("0", "7500.00", "-0.5", "9007199254740993.07"):
            assert re.fullmatch(text["pattern"], amount)
        for amount in ("", "1e3", "1,000", ".5", "5.", "007", "+1", " 1"):
            assert not re.fullmatch(text["pattern"], amount)


def test_numbers_say_how_wide_they_are() -> None:
    """Without a format some generators take 32 bits."""
    numbers = [part for part in parts(schemas()) if part.get("type") == "number"]
    assert numbers
    assert all(part.get("format") == "double" for part in numbers)


@pytest.mark.parametrize("operation_id", IDS)
def test_every_operation_is_described(operation_id: str) -> None:
    """With a sentence, one tag, and the security that it asks for."""
    found = operation(operation_id)
    assert found["description"].endswith(".")
    assert len(found["tags"]) == 1
    assert found["tags"][0] in {tag["name"] for tag in the_document()["tags"]}
    assert found["security"] == [{"callerKey": []}]


@pytest.mark.parametrize("operation_id", IDS)
def test_every_failure_is_a_problem(operation_id: str) -> None:
    """Of its own media type, and with the id of the request."""
    responses = operation(operation_id)["responses"]
    for status, response in responses.items():
        assert "X-Request-Id" in response["headers"]
        if status < "400":
            continue
        reference = {"$ref": "#/components/schemas/Problem"}
        assert {*response["content"]} == {problems.MEDIA_TYPE}
        assert response["content"][problems.MEDIA_TYPE]["schema"] == reference
    assert {"400", "401", "403", "404", "422", "429", "500", "502", "503", "504"} <= {*responses}
    assert "WWW-Authenticate" in responses["401"]["headers"]
    for status in ("429", "503"):
        assert "Retry-After" in responses[status]["headers"]


def test_the_headers_of_answers_are_told() -> None:
    """Version, place, and what a refused patch could be."""
    created = operation("create_opportunity")["responses"]["201"]["headers"]
    assert {"ETag", "Location", "Preference-Applied"} <= {*created}
    update = operation("update_opportunity")["responses"]
    assert "ETag" in update["200"]["headers"]
    assert "ETag" in update["412"]["headers"]
    assert "Accept-Patch" in update["415"]["headers"]
    assert "ETag" in operation("get_opportunity")["responses"]["304"]["headers"]


@pytest.mark.parametrize("operation_id", WRITES)
def test_every_answer_to_a_write_tells_of_its_key(operation_id: str) -> None:
    """How it stands, whether it is a replay, and the key that the gateway made."""
    responses = operation(operation_id)["responses"]
    for response in responses.values():
        headers = response["headers"]
        assert {"Idempotency-Key", "Idempotency-Status", "Idempotent-Replayed"} <= {*headers}
        known = resolved(headers["Idempotency-Status"])["schema"]["x-extensible-enum"]
        assert {*known} == {
            "created", "replayed", "in-progress", "indeterminate", "mismatch", "not-applied",
            "not-stored",
        }  # fmt: skip
    for status in ("409", "502", "504"):
        assert "Retry-After" in responses[status]["headers"]


@pytest.mark.parametrize("operation_id", IDS)
def test_every_parameter_is_described(operation_id: str) -> None:
    """With a schema, and required in a path only."""
    for parameter in operation(operation_id)["parameters"]:
        assert parameter["schema"]
        assert parameter["required"] is (parameter["in"] == "path")
        assert parameter["description"].endswith(".")


def test_the_list_has_the_parameters_of_the_contract() -> None:
    """Every filter and sort, the page, and what to include."""
    parameters = operation("list_opportunities")["parameters"]
    named = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
    assert named.keys() == {
        "connection", *FILTERS, "include_archived", "sort", "limit", "cursor", "include",
    }  # fmt: skip
    assert named["limit"] == {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
    assert {*named["sort"]["enum"]} == {*SORTS, *(f"-{sort}" for sort in SORTS)}
    assert named["connection"]["type"] == "array"


@pytest.mark.parametrize(
    ("operation_id", "types"),
    [
        ("create_opportunity", ["application/json"]),
        ("update_opportunity", ["application/merge-patch+json", "application/json"]),
        ("translate", ["application/json"]),
        ("resolve_operation", ["application/json"]),
    ],
)
def test_bodies_have_the_types_that_are_taken(operation_id: str, types: list[str]) -> None:
    """The merge patch first: generators take the first."""
    body = operation(operation_id)["requestBody"]
    assert body["required"] is True
    assert list(body["content"]) == types


@pytest.mark.parametrize(
    ("operation_id", "headers"),
    [
        ("create_opportunity", {"Prefer", "Idempotency-Key"}),
        ("update_opportunity", {"Prefer", "Idempotency-Key", "If-Match"}),
        ("delete_opportunity", {"Prefer", "Idempotency-Key", "If-Match"}),
        ("get_opportunity", {"If-None-Match"}),
    ],
)
def test_conditions_and_preferences_are_told(operation_id: str, headers: set[str]) -> None:
    """Beside the id and the time, which every operation has."""
    parameters = operation(operation_id)["parameters"]
    named = {each["name"] for each in parameters if each["in"] == "header"}
    assert named == headers | {"X-Request-Id", "X-Request-Timeout-Ms"}


def test_the_document_names_no_vendor_and_no_machine() -> None:
    """It is one and the same wherever the gateway runs."""
    text = json_text.write(the_document()).decode()
    for word in ("slant", "coperniq", "reevo", "localhost", "127.0.0.1"):
        assert word not in text.lower()
