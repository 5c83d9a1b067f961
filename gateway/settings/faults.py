"""What is wrong with a configuration: one line a fault, by its path, and never a secret's value."""

from pydantic_core import ErrorDetails


class ConfigurationError(Exception):
    """A configuration that is not fit to run with; `faults` has a line for each thing wrong."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def line(at: tuple[str, ...], detail: ErrorDetails) -> str:
    """One fault as a line: its path and what is wrong, never the value, which may be a secret."""
    path = ".".join(str(part) for part in (*at, *detail["loc"]) if part != "[key]")
    text = {
        "extra_forbidden": "is not a setting",
        "missing": "is missing",
    }.get(detail["type"], detail["msg"].removeprefix("Value error, "))
    return f"{path}: {text}"
