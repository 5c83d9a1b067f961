"""Reads what a custom field takes, sets it with a create, and adds a value to it."""

import os

import httpx

api = httpx.Client(
    base_url=os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080"),
    headers={"Authorization": f"Bearer {os.environ.get('GATEWAY_KEY', 'demo-key')}"},
    timeout=60,
)

fields = api.get("/v1/connections/acme-close/custom-fields").raise_for_status().json()["items"]
robots = next(field for field in fields if field["key"] == "robots")
print(f"{robots['type']}: {', '.join(robots['choices'])}")

draft = {"connection": "acme-close", "name": "Pier", "custom_fields": {"robots": ["Picker"]}}
made = api.post("/v1/opportunities", json=draft).raise_for_status()

patch = {"custom_fields_add": {"robots": ["Courier"]}}
changed = api.patch(made.headers["Location"], json=patch).raise_for_status().json()
print(", ".join(changed["custom_fields"]["robots"]))
