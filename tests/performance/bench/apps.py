"""The peers: what one writes in place of a gateway, from nothing at all to a pass-through."""

import asyncio
import os
from typing import Any, Final

import httpx
from fastapi import FastAPI, Request
from starlette.responses import Response

from gateway.app.networks import networks
from gateway.connections import Carrier
from gateway.engine.network import Outgoing, origin_of

UPSTREAM: Final = os.environ.get("BENCH_UPSTREAM", "")
FIXED: Final = os.environ.get("BENCH_FIXED", "{}").encode()
PATH: Final = "/v1/opportunities/{opportunity_id}"
_START: Final = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"application/json"), (b"content-length", str(len(FIXED)).encode()),
    ],
}  # fmt: skip


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """A: a server with nothing in it, which reads the request and answers the same bytes."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send(_START)
    await send({"type": "http.response.body", "body": FIXED})


def fixed() -> FastAPI:
    """B: the framework with nothing in it."""
    app = FastAPI()

    @app.api_route(PATH, methods=["PATCH", "GET"])
    async def answer(request: Request) -> Response:
        await request.body()
        return Response(FIXED, media_type="application/json")

    return app


def stock() -> FastAPI:
    """P0: the framework, passing through with the stock client."""
    app = FastAPI()
    client = httpx.AsyncClient(
        limits=httpx.Limits(max_connections=512, max_keepalive_connections=512)
    )

    @app.api_route(PATH, methods=["PATCH", "GET"])
    async def answer(request: Request) -> Response:
        reply = await client.put(
            UPSTREAM, content=await request.body(), headers={"Content-Type": "application/json"}
        )
        return Response(reply.content, reply.status_code, media_type="application/json")

    return app


def passing() -> FastAPI:
    """P: the framework, passing through with the gateway's own network."""
    app = FastAPI()
    network = networks().of(Carrier())
    origin, target = origin_of(UPSTREAM, outside_only=False) if UPSTREAM else (None, "")

    async def go() -> None:
        """Nothing holds a request back."""

    @app.api_route(PATH, methods=["PATCH", "GET"])
    async def answer(request: Request) -> Response:
        assert origin
        outgoing = Outgoing(
            origin=origin,
            method="PUT",
            target=target + "/",  # which an origin is cut off from
            headers={"Content-Type": "application/json"},
            content=await request.body(),
            gate=go,
            connect=3,
            ends=asyncio.get_running_loop().time() + 25,
        )
        reply = await network.carry(outgoing)
        return Response(reply.body, reply.status, media_type="application/json")

    return app
