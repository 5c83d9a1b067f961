"""The tree that `gateway.errors` draws is the tree that it defines."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from textwrap import indent

import pytest

import gateway
from gateway import errors

BRANCH = re.compile(r"^(?P<rails>[│ ]*)(?:[├└]── )?(?P<rest>[A-Z].*)$")
CLASS_NAME = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]+)*")
RAIL = 4
"""How many columns one generation takes in the drawing."""


def drawn(docstring: str, root: str) -> Iterator[tuple[str, str]]:
    """The pairs of child and parent in a drawing that starts with the line `root`.

    A line holds one or several class names; what is said about them follows in small letters.
    """
    margin, found, tree = docstring.partition(f"{root}\n")
    assert found, f"no tree of {root} is drawn"
    width = len(margin) - margin.rindex("\n") - 1
    ancestors = [root]
    for line in (line[width:] for line in tree.splitlines()):
        if not line.strip():
            return
        branch = BRANCH.match(line)
        assert branch, f"not a line of a tree: {line!r}"
        generation = branch.start("rest") // RAIL
        names = list(_leading_names(branch["rest"]))
        yield from ((name, ancestors[generation - 1]) for name in names)
        ancestors[generation:] = names[-1:]


def _leading_names(rest: str) -> Iterator[str]:
    for word in rest.split():
        if not CLASS_NAME.fullmatch(word):
            return
        yield word


def defined(kind: type[Exception]) -> Iterator[tuple[str, str]]:
    """The pairs of child and parent among the gateway's own classes."""
    for child in kind.__subclasses__():
        if child.__module__.partition(".")[0] == gateway.__name__:
            yield child.__name__, kind.__name__
            yield from defined(child)


def test_the_drawing_equals_the_classes() -> None:
    """Every class is drawn below its parent, wherever in the gateway it is defined."""
    for module in pkgutil.walk_packages(gateway.__path__, f"{gateway.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    drawing = sorted(drawn(inspect.getdoc(errors) or "", "GatewayError"))
    assert drawing == sorted(defined(errors.GatewayError))


DRAWING = """What can go wrong.

Root
├── One       the first, Of Many
│   ├── OneOne
│   │   └── OneOneOne deep
│   └── OneTwo OneThree
└── Two
    └── TwoOne

More text."""


@pytest.mark.parametrize("margin", ["", "    "])
def test_a_drawing_is_read_with_its_generations(margin: str) -> None:
    """Several names on a line are siblings, and small letters end the names."""
    assert list(drawn(indent(DRAWING, margin), "Root")) == [
        ("One", "Root"),
        ("OneOne", "One"),
        ("OneOneOne", "OneOne"),
        ("OneTwo", "One"),
        ("OneThree", "One"),
        ("Two", "Root"),
        ("TwoOne", "Two"),
    ]
