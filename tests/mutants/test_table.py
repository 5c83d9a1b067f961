"""The table of mutants keeps up with the code that they break."""

from tests.mutants.mutant import Edit, Mutant, faults
from tests.mutants.table import DEFECTS, MUTANTS

HERE = "tests/mutants/test_table.py"


def test_every_mutant_still_fits_the_code() -> None:
    """Each text that is broken stands in its file once, and each test that catches it is there."""
    assert faults(MUTANTS, DEFECTS) == []


def test_there_is_a_mutant_for_each_of_the_twenty_six_defects() -> None:
    """None is left out, and none is made up."""
    assert set(DEFECTS) == set(range(1, 27))
    assert {mutant.defect for mutant in MUTANTS} == set(DEFECTS)


def test_a_mutant_that_no_longer_fits_is_told() -> None:
    """Text, file, test and defect: whatever is not there any more."""
    gone = Mutant(1, "gone", (Edit("pyproject.toml", "no such " + "text", ""),), (HERE,))
    blind = Mutant(1, "blind", (Edit(HERE, "It is broken by " + "this", ""),), (f"{HERE}::no",))
    told = faults([gone, blind], {1: "one", 2: "two"})
    assert [line.partition(":")[0] for line in told] == [
        "no mutant has the defect 2", "gone", "blind", "blind",
    ]  # fmt: skip


def test_a_mutant_is_the_code_with_its_defects() -> None:
    """Every edit of a file is made, and no other file's."""
    mutant = Mutant(1, "two", (Edit("a", "x", "y"), Edit("a", "1", "2"), Edit("b", "z", "")), ())
    assert (mutant.files, mutant.applied("a", "x 1 z")) == (["a", "b"], "y 2 z")
