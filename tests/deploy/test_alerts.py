"""Alerts and dashboard are sound by themselves, and the page for operators has each alert."""

import os
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.deploy.expressions import ALERTS, DASHBOARD, DEPLOY, Rule, panels
from tests.deploy.rules import CHECKS, FOLDER, asked
from tests.programs import PROMETHEUS, Toolbox

README: Final = (DEPLOY / "README.md").read_text(encoding="utf-8")
TESTS: Final = yaml.safe_load((DEPLOY / "prometheus/alerts_test.yaml").read_text(encoding="utf-8"))
PANELS: Final = {panel["title"]: panel for panel in panels()}
GROUPED: Final = re.compile(r"\b(?:by|on) \(([^)]*)\)")


@pytest.mark.parametrize("check", CHECKS, ids=" ".join)
def test_promtool_has_nothing_to_say(check: Sequence[str]) -> None:
    """Rules and configuration can be loaded, and each alert comes when it should and only then."""
    status, printed = asked(Toolbox(os.environ).needed(PROMETHEUS), check)
    assert status == 0, printed


def test_a_rule_that_is_wrong_is_noticed(tmp_path: Path) -> None:
    """An alert that comes too early fails its test, so that the tests are worth something."""
    folder = tmp_path / "prometheus"
    shutil.copytree(FOLDER, folder)
    rules = folder / "alerts.yaml"
    rules.write_text(rules.read_text(encoding="utf-8").replace("for: 30m", "for: 20m"))
    status, printed = asked(Toolbox(os.environ).needed(PROMETHEUS), CHECKS[-1], folder)
    assert status == 1
    assert "VersionsDiffer" in printed


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_was_seen_to_come(name: str) -> None:
    """It fires at some moment of the rules' own tests, and on an eventful day it does not."""
    told = [
        sample["labels"]
        for day in TESTS["tests"]
        for asked in day["promql_expr_test"]
        for sample in asked["exp_samples"]
    ]
    assert any(f'alertname="{name}"' in labels for labels in told)


@pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
def test_an_alert_speaks_of_labels_that_it_has(alert: Rule) -> None:
    """What is left of a series is what it was grouped by; the replica only where nothing was."""
    named = set(re.findall(r"\$labels\.(\w+)", " ".join(alert.annotations.values())))
    groups = GROUPED.findall(alert.expression)
    kept = {label.strip() for group in groups for label in group.split(",")}
    recorded = {"vendor", "connection"} if "gateway:vendor" in alert.expression else set()
    assert named <= (kept | recorded or {"instance"})


def test_the_page_for_operators_has_a_heading_for_every_alert() -> None:
    """In the order of the rules, and where the alert says that it is."""
    section = README.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    assert re.findall(r"^### (\w+)$", section, re.MULTILINE) == [*ALERTS]
    for name, alert in ALERTS.items():
        assert alert.annotations["runbook"] == f"deploy/README.md#{name.lower()}"


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
def test_every_panel_can_be_read_anywhere(panel: dict[str, Any]) -> None:
    """It says what it shows and in which unit, and asks the data source that was chosen."""
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
    assert {source["uid"] for source in sources} == {"${DS}"}


def test_panels_have_a_place_and_a_number_of_their_own() -> None:
    """None covers another, and a link to one leads to that one."""
    numbers = Counter(panel["id"] for panel in DASHBOARD["panels"])
    assert set(numbers.values()) == {1}
    places = {panel["title"]: _cells(panel["gridPos"]) for panel in DASHBOARD["panels"]}
    assert [pair for pair in combinations(places, 2) if places[pair[0]] & places[pair[1]]] == []


def _cells(place: dict[str, int]) -> set[tuple[int, int]]:
    """The cells of a grid of 24 columns that a panel covers."""
    columns = range(place["x"], place["x"] + place["w"])
    assert columns.stop <= 24
    return {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}
