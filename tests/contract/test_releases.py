"""The document that is kept, the ones that were released, and what callers are told of them."""

import re
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.api.openapi import VERSION, printed
from gateway.app import document
from tests.architecture.source_tree import ROOT
from tests.contract.releases import KEPT, LAST, RELEASED, number

CHANGES = (ROOT / "openapi/CHANGELOG.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^## (.+)$", CHANGES, re.MULTILINE)


def test_the_kept_document_is_the_one_that_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    """Byte for byte: after a change, `gateway openapi >openapi/gateway.v1.json`."""
    assert main(["openapi"]) == 0
    assert capsys.readouterr().out.encode() == KEPT.read_bytes()


def test_the_document_has_no_blank_that_git_would_mend() -> None:
    """It is text like any other: one newline at its end, and none of Windows."""
    text = KEPT.read_bytes()
    assert text.endswith(b"}\n")
    assert not text.endswith(b"\n\n")
    assert b"\r" not in text


def test_a_document_that_differs_from_the_last_release_has_another_version() -> None:
    """Release it: copy it to `openapi/released`, under the number of its version."""
    if KEPT.read_bytes() == LAST.read_bytes():
        assert VERSION.split(".")[:2] == ["1", str(number(LAST))]
    else:
        assert f'"version": "{VERSION}"' not in LAST.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.name)
def test_a_release_bears_its_number(path: Path) -> None:
    """The name of the file says which it is."""
    assert re.search(rf'"version": "1\.{number(path)}\.\d+"', path.read_text(encoding="utf-8"))


def test_releases_are_numbered_from_one() -> None:
    """None is missing: a client of any of them can be generated."""
    assert [number(path) for path in RELEASED] == [*range(1, len(RELEASED) + 1)]


def test_callers_are_told_of_every_version() -> None:
    """The newest first, and the present one among them."""
    versions = [tuple(map(int, heading.split("."))) for heading in HEADINGS]
    assert versions == sorted({*versions}, reverse=True)
    assert HEADINGS[0] == VERSION
    assert {number(path) for path in RELEASED} <= {minor for _, minor, _ in versions}


def test_the_printed_document_is_the_whole_document() -> None:
    """Printing neither adds nor loses a null, which clears in a patch."""
    shown = document()["paths"]["/v1/opportunities/{opportunity_id}"]["patch"]["requestBody"]
    values = shown["content"]["application/merge-patch+json"]["examples"].values()
    assert any(None in each["value"].values() for each in values)
    assert '"description": null' in printed(shown)
