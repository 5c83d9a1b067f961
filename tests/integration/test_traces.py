"""Traces of a real gateway: what it did last is told too, and its log leads there."""

import asyncio
from pathlib import Path

from gateway.canonical import json_text
from gateway.sandbox.configuration import configuration
from tests.integration.programs import CALLER, Program
from tests.integration.two_ends import Gateway
from tests.telemetry.collector import collecting


async def test_a_terminated_gateway_tells_its_last_trace(
    folder: Path, running: list[Program], sandbox_program: Program
) -> None:
    """The request before the end is at the collector, under the id that the log has for it."""
    with collecting() as collector:
        traces = f'[telemetry]\notlp_endpoint = "{collector.url}"\n'
        config = folder / "tracing.toml"
        connections = configuration(sandbox_program.url)
        config.write_text(traces + CALLER + connections, encoding="utf-8")
        program = Program.start("tracing gateway", folder, "serve", "--config", str(config))
        running.append(program)
        program.ready("/livez")
        async with Gateway.at(program.url) as gateway:
            answer = await gateway.ask("GET", "/v1/opportunities?connection=acme-close")
        status = await asyncio.to_thread(program.end)
        assert (answer.status, status) == (200, 0)
        request, rest = await collector.trace("GET /v1/opportunities")
    lines = [json_text.read(line) for line in program.text().splitlines()]
    (logged,) = [line for line in lines if line.get("route") == "/v1/opportunities"]
    assert logged["trace_id"] == request.trace_id
    assert "GET list" in {span.name for span in rest}
