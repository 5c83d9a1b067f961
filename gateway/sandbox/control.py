"""The routes by which a test steers and inspects a pretend vendor, without authentication.

They stand at the vendor's root (`/close/_ledger`): `_ledger`, `_records`, `_options`, `_faults`
and `_reset`. A control call is never a vendor call: it meets no fault and leaves no entry.
"""

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.canonical import json_text
from gateway.sandbox.answers import json_response

if TYPE_CHECKING:
    from gateway.sandbox.simulator import Simulator


def control_routes(vendor: "Simulator") -> list[Route]:
    """The control routes of one vendor."""
    control = _Control(vendor)
    table = (
        ("GET", "/_ledger", control.ledger),
        ("DELETE", "/_ledger", control.clear_ledger),
        ("GET", "/_records", control.records),
        ("PUT", "/_records/{record_id}", control.plant),
        ("GET", "/_options", control.options),
        ("PATCH", "/_options", control.set_options),
        ("GET", "/_faults", control.faults),
        ("POST", "/_faults", control.add_fault),
        ("DELETE", "/_faults", control.clear_faults),
        ("POST", "/_reset", control.reset),
    )
    return [Route(path, handler, methods=[method]) for method, path, handler in table]


class _Control:
    def __init__(self, vendor: "Simulator") -> None:
        self._vendor = vendor

    async def ledger(self, _request: Request) -> Response:
        return json_response(self._vendor.ledger.to_json())

    async def clear_ledger(self, _request: Request) -> Response:
        self._vendor.ledger.clear()
        return Response(status_code=204)

    async def records(self, _request: Request) -> Response:
        return json_response(self._vendor.records)

    async def plant(self, request: Request) -> Response:
        record = await _json(request)
        if not isinstance(record, dict):
            return _bad("a record is a JSON object")
        self._vendor.records[request.path_params["record_id"]] = record
        return json_response(record)

    async def options(self, _request: Request) -> Response:
        return json_response(self._vendor.options)

    async def set_options(self, request: Request) -> Response:
        changes = await _json(request)
        if not isinstance(changes, dict):
            return _bad("options are a JSON object")
        try:
            self._vendor.set_options(changes)
        except ValueError as error:
            return _bad(str(error))
        return json_response(self._vendor.options)

    async def faults(self, _request: Request) -> Response:
        return json_response(self._vendor.faults.to_json())

    async def add_fault(self, request: Request) -> Response:
        try:
            self._vendor.faults.add(await _json(request))
        except ValueError as error:
            return _bad(str(error))
        return json_response(self._vendor.faults.to_json(), 201)

    async def clear_faults(self, _request: Request) -> Response:
        self._vendor.faults.clear()
        return Response(status_code=204)

    async def reset(self, _request: Request) -> Response:
        self._vendor.reset()
        return Response(status_code=204)


async def _json(request: Request) -> Any:
    """The body as JSON; what is not JSON is None, which no control route takes."""
    try:
        return json_text.read(await request.body())
    except ValueError:
        return None


def _bad(sentence: str) -> Response:
    return json_response({"error": sentence}, 400)
