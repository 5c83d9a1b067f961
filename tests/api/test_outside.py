"""A connection that has to stay outside, from the caller to the socket."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.app import create_app
from gateway.settings import parse
from gateway.telemetry.hooks import Hooks
from tests.engine.hostile import answer, answering, hostile
from tests.sandboxed import KEY, Answered, tree


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("outside_only", [True, False])
async def test_a_vendor_inside_is_asked_only_where_that_is_permitted(
    method: str, outside_only: bool
) -> None:
    """Otherwise nothing is sent, the write is not applied, and an operator has to mend it (F23)."""
    settings = parse(tree(), {}, Path())
    async with hostile(answering(answer(b"{}", "403 No"))) as vendor:
        at = replace(
            settings.connections["acme-close"], base_url=vendor.url, outside_only=outside_only
        )
        inside = settings.model_copy(update={"connections": {"acme-close": at}})
        app = create_app(inside, hooks=Hooks())
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://gateway.test"
            ) as api,
        ):
            headers = {"Authorization": f"Bearer {KEY}"}
            path = "/v1/opportunities/acme-close.oppo_1"
            told = Answered(await api.request(method, path, headers=headers))
        if not outside_only:
            assert (told.status, told.code) == (502, "vendor-forbidden")
            return
        assert (told.status, told.code) == (503, "vendor-unavailable")
        assert (told.json["retry"], told.json["origin"]) == ("operator", "gateway")
        assert told.json.get("outcome", "not_applied") == "not_applied"
        assert "127.0.0.1" not in told.content.decode()
        assert vendor.accepted == 0
