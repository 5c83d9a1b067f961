"""The OpenAPI documents that are kept: the present one, and those that were released."""

import re
from pathlib import Path
from typing import Any

from gateway.canonical import json_text
from tests.architecture.source_tree import ROOT

KEPT = ROOT / "openapi" / "gateway.v1.json"


def number(path: Path) -> int:
    """Which release a document is."""
    return int(re.sub(r"gateway\.v1\.(\d+)\.json", r"\1", path.name))


RELEASED = sorted((ROOT / "openapi" / "released").iterdir(), key=number)
LAST = RELEASED[-1]


def read(path: Path) -> dict[str, Any]:
    """A document."""
    found: dict[str, Any] = json_text.read(path.read_bytes())
    return found
