"""Schemathesis in chains against the live service: what one call makes, the next ones use.

An opportunity is created, read, changed and deleted under the id that it was answered with, in any
order; once it is deleted it has to be gone. Schemathesis infers itself what leads where.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis

from gateway.sandbox.configuration import configuration
from tests.integration.programs import CALLER, Program
from tests.records import VENDORS, draft
from tests.sandboxed import KEY

Case = schemathesis.Case[Any]
CONFIG = schemathesis.Config.from_dict(
    {
        "generation": {"deterministic": True, "mode": "positive"},
        # A reference that does not exist is a 422, however well it is spelled.
        "checks": {"positive_data_acceptance": {"enabled": False}},
    }
)
CHAINS = hypothesis.settings(
    max_examples=40,
    stateful_step_count=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
TRIES = 3
TO_BE_SEEN = {
    ("create_opportunity", 201), ("get_opportunity", 200), ("update_opportunity", 200),
    ("delete_opportunity", 204), ("get_opportunity", 404),
}  # fmt: skip
"""Chains of nothing but refusals would be no proof of anything."""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway over the sandbox, both processes of their own: its address."""
    folder = tmp_path_factory.mktemp("live")
    programs = [Program.start("sandbox", folder, "sandbox")]
    try:
        vendors = configuration(programs[0].ready("/close/_ledger").url)
        file = folder / "gateway.toml"
        file.write_text(f'environment = "development"\n{CALLER}\n{vendors}', encoding="utf-8")
        programs.append(Program.start("gateway", folder, "serve", "--config", str(file)))
        yield programs[1].ready("/readyz").url
    finally:
        for program in reversed(programs):
            program.end()


def led(case: Case) -> Case:
    """A request whose body a vendor takes: what is made up names nothing that exists."""
    operation_id = case.operation.definition.raw["operationId"]
    if operation_id == "create_opportunity":
        case.body = draft(VENDORS[len(repr(case.body)) % len(VENDORS)])
    elif operation_id == "update_opportunity":
        case.body = {"value": {"amount": "1200.00"}}
    return case


def settled(run: Callable[[], None]) -> None:
    """Runs it to its end: a chain that is played again may meet a service too busy for a write.

    That is no fault, but not what hypothesis expects of a repetition.
    """
    for _ in range(TRIES):
        try:
            return run()
        except hypothesis.errors.FlakyStrategyDefinition:
            continue
    pytest.fail("the service never answered the same chain alike")


def test_what_was_made_can_be_used_until_it_is_gone(live: str) -> None:
    """No chain meets a fault of ours, or an answer that the document does not describe."""
    whole = schemathesis.openapi.from_url(f"{live}/openapi.json", config=CONFIG)
    schema = whole.include(tag="opportunities")
    schema.hook("map_case")(lambda _, case: led(case))
    seen: Counter[tuple[str, int]] = Counter()

    class Chain(schema.as_state_machine()):  # type: ignore[misc]  # a class that is made
        def get_call_kwargs(self, case: Case) -> dict[str, Any]:
            return {"headers": {"Authorization": f"Bearer {KEY}"}}

        def after_call(self, response: schemathesis.Response, case: Case) -> None:
            seen[(case.operation.definition.raw["operationId"], response.status_code)] += 1

    settled(lambda: Chain.run(settings=CHAINS))
    assert seen.keys() >= TO_BE_SEEN, seen
