"""The files of the console, and the policy under which a browser runs them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.api.docs.page import KINDS

FOLDER: Final = Path(__file__).parent / "static"
PAGE: Final = (FOLDER / "index.html").read_bytes()
STATIC: Final[Mapping[str, tuple[bytes, str]]] = {
    file.name: (file.read_bytes(), KINDS[file.suffix])
    for file in sorted(FOLDER.iterdir())
    if file.suffix in KINDS
}
"""File name → content and media type."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""`Content-Security-Policy`: files and answers of this gateway, and no markup made of text."""
