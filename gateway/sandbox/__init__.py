"""The four vendors, simulated from their published contracts: nothing here knows a translator.

Each vendor lives under its own name (`/close/api/v1/opportunity/`), with control routes beside it
(`/close/_ledger`): what it received and committed, its records, its switches for what the contract
leaves open, and fault scripts. See `simulator.py` for the frame, `journal.py` for the ledger in a
file, and each vendor's file for its demo credentials and switches.
"""

from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.sandbox.close import CloseSandbox
from gateway.sandbox.coperniq import CoperniqSandbox
from gateway.sandbox.journal import Journal
from gateway.sandbox.reevo import ReevoSandbox
from gateway.sandbox.simulator import Clock, Simulator, utc_now
from gateway.sandbox.slant import SlantSandbox

VENDORS: tuple[type[Simulator], ...] = (
    SlantSandbox,
    CoperniqSandbox,
    CloseSandbox,
    ReevoSandbox,
)


def create_sandbox(clock: Clock = utc_now, journal: Journal | None = None) -> Starlette:
    """All four vendors in one app, each mounted under its name.

    `clock` decides what is in the future, when an idempotency key expires and every time stamp.
    With a `journal` every effect of any vendor is on disk before its answer leaves. The simulators
    themselves are in `app.state.simulators`, by name, for a test in one process.
    """
    simulators = {vendor.name: vendor(clock, journal) for vendor in VENDORS}
    app = Starlette(
        routes=[Mount(f"/{name}", app=each.asgi()) for name, each in simulators.items()]
    )
    app.state.simulators = simulators
    return app
