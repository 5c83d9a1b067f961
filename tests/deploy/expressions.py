"""What the dashboard and the alerts ask of Prometheus, read from the files that are shipped."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
RULES: Final = DEPLOY / "prometheus" / "alerts.yaml"
CONFIGURATION: Final = DEPLOY / "prometheus" / "prometheus.yaml"
DASHBOARD: Final[Mapping[str, Any]] = json.loads((DEPLOY / "grafana/dashboard.json").read_bytes())

_SELECTOR: Final = re.compile(r"\b(?:gateway[_:][\w:]+|up)\b(?:\{[^}]*\})?")
_OF_A_HISTOGRAM: Final = re.compile(r"_(bucket|count|sum)$")
_OF_LABELS: Final = re.compile(r"label_values\((?P<selector>.+), (?P<label>\w+)\)")


@dataclass(frozen=True, slots=True)
class Rule:
    """An alert, or a recorded series."""

    name: str
    expression: str
    alert: bool
    annotations: Mapping[str, str]


def rules() -> list[Rule]:
    """Every rule of the shipped file."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [
        Rule(
            name=rule.get("alert") or rule["record"],
            expression=rule["expr"],
            alert="alert" in rule,
            annotations=rule.get("annotations", {}),
        )
        for group in groups
        for rule in group["rules"]
    ]


ALERTS: Final = {rule.name: rule for rule in rules() if rule.alert}


def panels() -> Iterator[Mapping[str, Any]]:
    """Every panel of the dashboard that shows something."""
    return (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


def variables() -> dict[str, tuple[str, str]]:
    """The dashboard's variables that Prometheus is asked for: a selector, and a label of it."""
    asked = {}
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            found = _OF_LABELS.fullmatch(variable["query"]["query"])
            assert found, variable
            asked[variable["name"]] = (found["selector"], found["label"])
    return asked


def substituted(expression: str) -> str:
    """A query as Grafana sends it while each variable stands on All."""
    for name, value in {"__rate_interval": "5m", **dict.fromkeys(variables(), ".*")}.items():
        expression = expression.replace(f"${name}", value)
    assert "$" not in expression, expression
    return expression


def queries() -> dict[str, str]:
    """What every panel asks, by its title and the letter of the query."""
    return {
        f"{panel['title']} {target['refId']}": substituted(target["expr"])
        for panel in panels()
        for target in panel["targets"]
    }


def selectors(expression: str) -> set[str]:
    """The series that an expression is about."""
    return set(_SELECTOR.findall(expression))


def families(expression: str) -> set[str]:
    """The metrics of the gateway that an expression is about, as it names them."""
    named = (selector.partition("{")[0] for selector in selectors(expression))
    return {_OF_A_HISTOGRAM.sub("", name) for name in named if name.startswith("gateway_")}
