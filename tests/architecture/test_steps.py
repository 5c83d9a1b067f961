"""The names of steps: the log, the metrics and the traces repeat them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source_tree import PACKAGE, python_files, short, syntax_of

VENDORS = [path for path in python_files(PACKAGE / "vendors") if path.stem != "__init__"]
REQUESTS = {"read", "write", "_query", "_search"}
"""What vendors' files make requests with; the step comes first."""


def steps(tree: ast.AST) -> Iterator[ast.expr]:
    """What requests are made with as their step."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Yield | ast.YieldFrom) and isinstance(node.value, ast.Call):
            called = node.value.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            if name in REQUESTS:
                yield node.value.args[0]


@pytest.mark.parametrize("path", VENDORS, ids=short)
def test_a_step_is_a_fixed_word(path: Path) -> None:
    """Nothing that a caller or a vendor sends gets into it."""
    found = list(steps(syntax_of(path)))
    assert found
    for step in found:
        passed_on = isinstance(step, ast.Name) and step.id == "step"
        assert passed_on or isinstance(step, ast.Constant), ast.unparse(step)
