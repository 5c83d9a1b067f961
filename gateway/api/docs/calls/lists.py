"""Copies every opportunity of a connection page by page, and later what has changed since."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

api = httpx.Client(
    base_url=os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080"),
    headers={"Authorization": f"Bearer {os.environ.get('GATEWAY_KEY', 'demo-key')}"},
    timeout=60,
)


def changed_since(moment: str) -> Iterator[dict[str, Any]]:
    """Yields whatever was updated then or later."""
    query = {"connection": "acme-close", "limit": "8", "updated_after": moment}
    while True:
        page = api.get("/v1/opportunities", params=query).raise_for_status().json()
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


began = datetime.now(UTC) - timedelta(minutes=1)  # to spare: bounds are inclusive
copies = {each["id"]: each for each in changed_since("1970-01-01T00:00:00Z")}
print(len(copies), "copied")

api.patch(f"/v1/opportunities/{next(iter(copies))}", json={"name": "Pier"}).raise_for_status()
changes = {each["id"]: each for each in changed_since(began.isoformat())}
copies |= changes
print(len(changes), "changed since")
