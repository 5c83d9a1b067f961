"""The reference is made of any document of the kind, not of ours alone."""

from typing import Any

from gateway.api.docs.reference import inlined, reference

HOSTILE = "<script>alert(1)</script>"
DOCUMENT: dict[str, Any] = {
    "info": {"title": HOSTILE, "version": "1", "description": HOSTILE},
    "tags": [{"name": "things", "description": HOSTILE}],
    "paths": {
        "/v1/things": {
            "get": {
                "operationId": "list_things",
                "tags": ["things"],
                "parameters": [{"$ref": "#/components/parameters/Limit"}],
                "responses": {
                    "200": {"$ref": "#/components/responses/Things"},
                    "404": {"description": "None."},
                },
            }
        }
    },
    "components": {
        "parameters": {
            "Limit": {
                "name": "limit", "in": "query", "required": False, "schema": {"type": "integer"},
            }
        },
        "responses": {
            "Things": {
                "description": HOSTILE,
                "headers": {"ETag": {"schema": {"type": "string"}}},
                "content": {
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/Thing"},
                        "examples": {"one": {"value": {"name": HOSTILE}}},
                    }
                },
            }
        },
        "schemas": {
            "Thing": {"type": "object", "properties": {"name": {"type": "string"}}},
            "Colour": {"type": "string", "enum": ["red"]},
        },
    },
}  # fmt: skip


def test_references_are_followed_and_types_stay_links() -> None:
    """Wherever a document has what several operations share."""
    text = reference(DOCUMENT).decode()
    assert '<th scope="row"><code>limit</code></th>' in text
    assert "<code>ETag</code>" in text
    assert '<a href="#Thing"><code>Thing</code></a>' in text
    assert "one of <code>red</code>" in text


def test_nothing_of_a_document_becomes_markup() -> None:
    """A text with elements in it is shown as it stands."""
    text = reference(DOCUMENT).decode()
    assert "<script>" not in text
    assert text.count("&lt;script&gt;") == 6  # title, heading, three descriptions, example


def test_a_document_is_not_changed_by_being_shown() -> None:
    """The same document is served as JSON."""
    before = repr(DOCUMENT)
    reference(DOCUMENT)
    inlined(DOCUMENT, DOCUMENT)
    assert repr(DOCUMENT) == before
