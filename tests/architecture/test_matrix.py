"""The README's matrix of vendors is the one that the vendors' tables give."""

from gateway.matrix import matrix
from gateway.vendors import installed
from tests.architecture.source_tree import PACKAGE, ROOT

OWN = {name: vendor for name, vendor in installed().items()
       if (PACKAGE / "vendors" / f"{name}.py").exists()}  # fmt: skip


def test_the_matrix_is_current() -> None:
    """A cell that changed in a vendor's file has changed in the README too."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert matrix(OWN) in readme, (
        "put what `gateway capabilities --markdown` prints in the place of the README's table"
    )


def test_a_stale_matrix_is_noticed() -> None:
    """The comparison is with the table as a whole: one vendor more or less is another table."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in OWN:
        fewer = {other: vendor for other, vendor in OWN.items() if other != name}
        assert matrix(fewer) not in readme
