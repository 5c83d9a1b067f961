"""The OpenAPI document as one page: operations, types, and the problems that there are."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from gateway.api import problems
from gateway.api.docs import shapes
from gateway.api.docs.markup import (
    Html,
    block,
    code,
    joined,
    link,
    listed,
    paragraphs,
    pretty,
    prose,
    table,
    tag,
)
from gateway.api.docs.page import page

Operation = Mapping[str, Any]

METHODS = ("get", "post", "put", "patch", "delete")


def reference(document: Mapping[str, Any]) -> bytes:
    """The page of a document."""
    info, found = document["info"], list(_operations(inlined(document, document)))
    tags = document["tags"]
    return page(
        f"{info['title']} {info['version']}",
        paragraphs(info["description"]),
        tag(
            "p",
            "Requests carry ",
            code("Authorization: Bearer …"),
            " with a caller's key. The document itself, to generate a client from, is ",
            link("/openapi.json", "openapi.json"),
            ".",
        ),
        *(
            tag(
                "section",
                tag("h2", each["name"].capitalize(), id=f"tag-{each['name']}"),
                paragraphs(each["description"]),
                *(_operation(*one) for one in found if each["name"] in one[2]["tags"]),
            )
            for each in tags
        ),
        tag("section", tag("h2", "Types", id="types"), *_types(document)),
        tag("section", tag("h2", "Problems", id="problems"), _problems()),
        at="/docs",
        aside=_contents(found),
    )


def inlined(node: Any, document: Mapping[str, Any]) -> Any:
    """A part of a document without references, but for those to types, which have a name."""
    if isinstance(node, Mapping):
        reference = str(node.get("$ref", "#/components/schemas/"))
        if reference.startswith("#/components/schemas/"):
            return {name: inlined(each, document) for name, each in node.items()}
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return inlined(found, document)
    return [inlined(each, document) for each in node] if isinstance(node, list) else node


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def _contents(found: list[tuple[str, str, Operation]]) -> Html:
    """Links to the operations, in a box that the script can search."""
    names = (each["operationId"] for _, _, each in found)
    return tag("div", listed(link(f"#{name}", code(name)) for name in names), class_="operations")


def _operation(method: str, path: str, operation: Operation) -> Html:
    name = operation["operationId"]
    return tag(
        "article",
        tag("h3", link(f"#{name}", code(name)), id=name),
        tag("p", tag("b", method.upper(), class_="method"), " ", code(path)),
        paragraphs(operation.get("description", "")),
        _parameters(name, operation.get("parameters", ())),
        _body(name, operation.get("requestBody")),
        _answers(name, operation["responses"]),
    )


def _parameters(name: str, parameters: list[Mapping[str, Any]]) -> Html:
    rows = (
        (
            code(each["name"]),
            each["in"] + (", required" if each["required"] else ""),
            shapes.shape(each["schema"]),
            shapes.meaning(each["schema"], each.get("description", "")),
        )
        for each in parameters
    )
    head = ("parameter", "in", "type", "meaning")
    return table(f"Parameters of `{name}`", head, rows) if parameters else Html()


def _body(name: str, body: Mapping[str, Any] | None) -> Html:
    if body is None:
        return Html()
    kinds = body["content"]
    first = next(iter(kinds.values()))
    return joined(
        tag(
            "p",
            "Body: ",
            shapes.shape(first["schema"]),
            " as ",
            joined(*(code(kind) for kind in kinds), by=" or "),
            ".",
        ),
        *_examples(f"A request to {name}", first),
    )


def _answers(name: str, responses: Mapping[str, Any]) -> Html:
    fine = {status: each for status, each in responses.items() if int(status) < 400}
    rows = (
        (code(status), prose(each["description"]), _content(each), _headers(each))
        for status, each in fine.items()
    )
    failures = (
        (code(status), joined(*(_problem_link(each) for each in _codes(int(status))), by=" "))
        for status in sorted(responses.keys() - fine.keys())
    )
    examples = (
        shown
        for each in fine.values()
        for kind in each.get("content", {}).values()
        for shown in _examples(f"An answer of {name}", kind)
    )
    return joined(
        table(f"Answers of `{name}`", ("status", "meaning", "body", "headers"), rows),
        *examples,
        tag(
            "details",
            tag("summary", f"Problems of {name}"),
            table(f"Problems of `{name}`", ("status", "codes"), failures),
        ),
    )


def _content(answer: Mapping[str, Any]) -> Html:
    shown = (shapes.shape(kind["schema"]) for kind in answer.get("content", {}).values())
    return joined(*shown, by=" or ") or joined("none")


def _headers(answer: Mapping[str, Any]) -> Html:
    return joined(*(code(name) for name in answer.get("headers", {})), by=" ")


def _examples(label: str, content: Mapping[str, Any]) -> Iterator[Html]:
    for name, example in content.get("examples", {}).items():
        if "value" in example:
            shown = block(pretty(example["value"]), f"{label}: {name}")
            yield tag("details", tag("summary", f"{label}: {example.get('summary', name)}"), shown)


def _types(document: Mapping[str, Any]) -> Iterator[Html]:
    for name, schema in document["components"]["schemas"].items():
        about = schema.get("description", "")
        yield tag(
            "article",
            tag("h3", link(f"#{name}", code(name)), id=name),
            paragraphs(about),
            shapes.members(name, schema)
            if "properties" in schema
            else tag("p", shapes.shape(schema), " ", shapes.bounds(schema)),
        )


def _problems() -> Html:
    statuses = sorted({*problems.STATUS.values()})
    rows = (
        (
            f"{status} {HTTPStatus(status).phrase}",
            tag("dl", *(_defined(each) for each in _codes(status))),
        )
        for status in statuses
    )
    return table("Every problem, by its HTTP status", ("status", "codes"), rows)


def _defined(name: str) -> Html:
    return joined(tag("dt", _problem_link(name)), tag("dd", problems.TITLES[name]))


def _problem_link(name: str) -> Html:
    return link(f"/problems/{name}", code(name))


def _codes(status: int) -> list[str]:
    return sorted({kind.code for kind, known in problems.STATUS.items() if known == status})
