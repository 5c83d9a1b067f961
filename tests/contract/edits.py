"""Edits of a document that break clients, and some that do not, to try the gate on."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

Document = dict[str, Any]
Edit = Callable[[Document], None]

ONE = "/v1/opportunities/{opportunity_id}"


def edited(document: Mapping[str, Any], *edits: Edit) -> Document:
    """A copy of a document with edits."""
    copy = deepcopy(dict(document))
    for edit in edits:
        edit(copy)
    return copy


def _schema(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found


def _member(document: Document, name: str, member: str) -> Document:
    """The schema of a member, the null that it may be left aside."""
    found: Document = _schema(document, name)["properties"][member]
    return found.get("anyOf", [found])[0]  # type: ignore[no-any-return]


def _operation(document: Document, path: str, method: str) -> Document:
    found: Document = document["paths"][path][method]
    return found


def _parameter(document: Document, path: str, method: str, name: str) -> Document:
    parameters = _operation(document, path, method)["parameters"]
    found: Document = next(each for each in parameters if each["name"] == name)
    return found


def _removed_path(document: Document) -> None:
    del document["paths"]["/v1/vendors"]


def _removed_operation(document: Document) -> None:
    del document["paths"][ONE]["delete"]


def _renamed_operation(document: Document) -> None:
    _operation(document, "/v1/vendors", "get")["operationId"] = "vendors"


def _removed_member_of_an_answer(document: Document) -> None:
    stage = _schema(document, "Stage")
    del stage["properties"]["color"]
    stage["required"].remove("color")


def _removed_sparse_member(document: Document) -> None:
    del _schema(document, "Problem")["properties"]["etag"]


def _member_that_may_be_missing(document: Document) -> None:
    _schema(document, "Opportunity")["required"].remove("warnings")


def _member_that_may_be_null(document: Document) -> None:
    name = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    _schema(document, "Opportunity")["properties"]["id"] = name


def _changed_type(document: Document) -> None:
    _member(document, "Opportunity", "archived")["type"] = "string"


def _money_as_a_number(document: Document) -> None:
    amount = _schema(document, "Value")["properties"]["amount"]
    amount["anyOf"][0] = {"type": "number", "format": "double"}


def _changed_format(document: Document) -> None:
    _member(document, "Problem", "status")["format"] = "int64"


def _required_member_of_a_request(document: Document) -> None:
    _schema(document, "OpportunityDraft")["required"].append("name")


def _new_required_member_of_a_request(document: Document) -> None:
    resolution = _schema(document, "Resolution")
    resolution["properties"]["ticket"] = {"type": "string"}
    resolution["required"].append("ticket")


def _removed_member_of_a_request(document: Document) -> None:
    del _schema(document, "OpportunityPatch")["properties"]["custom_fields_add"]


def _narrowed_enum_of_a_request(document: Document) -> None:
    _member(document, "ValueDraft", "period")["enum"].remove("annual")


def _narrowed_enum_of_a_parameter(document: Document) -> None:
    _parameter(document, "/v1/opportunities", "get", "sort")["schema"]["enum"].remove("name")


def _tightened_pattern(document: Document) -> None:
    _member(document, "ValueDraft", "amount")["pattern"] = "^[0-9]+$"


def _tightened_bound(document: Document) -> None:
    _parameter(document, "/v1/opportunities", "get", "limit")["schema"]["maximum"] = 100


def _removed_parameter(document: Document) -> None:
    operation = _operation(document, "/v1/opportunities", "get")
    operation["parameters"] = [each for each in operation["parameters"] if each["name"] != "q"]


def _required_parameter(document: Document) -> None:
    _parameter(document, "/v1/opportunities", "post", "Idempotency-Key")["required"] = True


def _removed_status(document: Document) -> None:
    del _operation(document, ONE, "get")["responses"]["304"]


def _changed_status(document: Document) -> None:
    responses = _operation(document, "/v1/opportunities", "post")["responses"]
    responses["200"] = responses.pop("201")


def _removed_header(document: Document) -> None:
    del _operation(document, ONE, "get")["responses"]["200"]["headers"]["ETag"]


def _problem_as_json(document: Document) -> None:
    content = _operation(document, "/v1/vendors", "get")["responses"]["404"]["content"]
    content["application/json"] = content.pop("application/problem+json")


def _removed_type_of_a_body(document: Document) -> None:
    del _operation(document, ONE, "patch")["requestBody"]["content"]["application/json"]


def _other_security(document: Document) -> None:
    key = {"type": "apiKey", "in": "header", "name": "X-Key"}
    document["components"]["securitySchemes"]["callerKey"] = key


BREAKING: Mapping[str, tuple[Edit, str]] = {
    "a path is removed": (_removed_path, "path-removed"),
    "an operation is removed": (_removed_operation, "operation-removed"),
    "an operation is renamed": (_renamed_operation, "operation-id-changed"),
    "a member of an answer is removed": (_removed_member_of_an_answer, "property-removed"),
    "a member that may be missing is removed": (_removed_sparse_member, "property-removed"),
    "a member of an answer may be missing": (
        _member_that_may_be_missing, "required-properties-removed"
    ),
    "a member of an answer may be null": (_member_that_may_be_null, "schema-type-changed"),
    "a member has another type": (_changed_type, "schema-type-changed"),
    "money is a number": (_money_as_a_number, "schema-combinator-changed"),
    "a number is wider": (_changed_format, "schema-constraint-changed"),
    "a request needs a member that it could lack": (
        _required_member_of_a_request, "required-properties-added"
    ),
    "a request needs a new member": (
        _new_required_member_of_a_request, "required-properties-added"
    ),
    "a member of a request is removed": (_removed_member_of_a_request, "property-removed"),
    "a member of a request takes less": (_narrowed_enum_of_a_request, "enum-values-removed"),
    "a parameter takes less": (_narrowed_enum_of_a_parameter, "enum-values-removed"),
    "a pattern is tighter": (_tightened_pattern, "schema-constraint-changed"),
    "a bound is tighter": (_tightened_bound, "schema-constraint-changed"),
    "a parameter is removed": (_removed_parameter, "parameter-removed"),
    "a parameter is required": (_required_parameter, "parameter-became-required"),
    "a status is removed": (_removed_status, "response-removed"),
    "a success has another status": (_changed_status, "response-removed"),
    "a header of an answer is removed": (_removed_header, "response-header-removed"),
    "a problem has another type": (_problem_as_json, "media-type-removed"),
    "a body may not be of a type": (_removed_type_of_a_body, "media-type-removed"),
    "callers prove themselves otherwise": (_other_security, "security-scheme-changed"),
}  # fmt: skip
"""What is done to a document → the edit, and the rule that has to notice."""


def _other_tag(document: Document) -> None:
    _operation(document, "/v1/vendors", "get")["tags"] = ["operations"]


def _lost_code(document: Document) -> None:
    _member(document, "Problem", "code")["x-extensible-enum"].remove("rate-limited")


def _lost_value(document: Document) -> None:
    status = document["components"]["headers"]["Idempotency-Status"]
    status["schema"]["x-extensible-enum"].remove("replayed")


UNDERHAND: Mapping[str, Edit] = {
    "an operation has another tag": _other_tag,
    "a problem has lost a code": _lost_code,
    "a header has lost a value": _lost_value,
}
"""What no general tool can know to be breaking: generated clients have a class for each tag, and
callers key on the values of open enumerations."""


def _added_member(document: Document) -> None:
    answer = _schema(document, "Opportunity")
    answer["properties"]["score"] = {"type": "string"}
    answer["required"].append("score")


def _added_member_of_a_request(document: Document) -> None:
    _schema(document, "OpportunityDraft")["properties"]["score"] = {"type": "string"}


def _added_path(document: Document) -> None:
    path = deepcopy(document["paths"]["/v1/vendors"])
    path["get"]["operationId"] = "list_things"
    document["paths"]["/v1/things"] = path


def _added_value(document: Document) -> None:
    _member(document, "Problem", "code")["x-extensible-enum"].append("not-known-yet")


def _wider_request(document: Document) -> None:
    _member(document, "Translation", "operation")["enum"].append("list")


def _added_status(document: Document) -> None:
    responses = _operation(document, "/v1/vendors", "get")["responses"]
    responses["410"] = responses["404"]


def _added_parameter(document: Document) -> None:
    more = {"name": "x", "in": "query", "required": False, "schema": {"type": "string"}}
    _operation(document, "/v1/vendors", "get")["parameters"].append(more)


def bumped(document: Document) -> None:
    """Gives a document the next version."""
    major, minor, _ = document["info"]["version"].split(".")
    document["info"]["version"] = f"{major}.{int(minor) + 1}.0"


HARMLESS: tuple[Edit, ...] = (
    _added_member, _added_member_of_a_request, _added_path, _added_value, _wider_request,
    _added_status, _added_parameter,
)  # fmt: skip
"""What may be added at any time."""
