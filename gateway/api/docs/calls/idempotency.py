"""Sends a write twice under one key, and then another write under it."""

import os
import uuid

import httpx

api = httpx.Client(
    base_url=os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080"),
    headers={"Authorization": f"Bearer {os.environ.get('GATEWAY_KEY', 'demo-key')}"},
    timeout=60,
)
key = {"Idempotency-Key": str(uuid.uuid4())}

for name in ("Pier", "Pier", "Quay"):
    draft = {"connection": "acme-close", "name": name}
    answer = api.post("/v1/opportunities", json=draft, headers=key)
    print(answer.status_code, answer.headers["Idempotency-Status"])
