"""What vendors' files tell of themselves is told to callers, who do not have our pages."""

import re

import pytest

from gateway.canonical import json_text
from gateway.vendors import installed


@pytest.mark.parametrize("name", installed())
def test_no_note_sends_a_caller_to_a_page_of_ours(name: str) -> None:
    """Where a fact stands is for whoever reads the code."""
    told = json_text.write(installed()[name].capabilities().model_dump()).decode()
    assert re.findall(r"[\w-]+\.md\b|\bFD-\d+", told) == []
