"""Sends one write until it is decided, and another that has to be mended first."""

import os
import time
import uuid

import httpx

api = httpx.Client(
    base_url=os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080"),
    headers={"Authorization": f"Bearer {os.environ.get('GATEWAY_KEY', 'demo-key')}"},
    timeout=60,
)


def create(draft: dict[str, str]) -> httpx.Response:
    """Sends the same request under the same key for as long as that can help."""
    key = {"Idempotency-Key": str(uuid.uuid4())}
    left = 5
    while True:
        answer = api.post("/v1/opportunities", json=draft, headers=key)
        left -= 1
        if answer.is_success or answer.json()["retry"] != "same_request" or not left:
            return answer
        time.sleep(int(answer.headers.get("Retry-After", "1")))


print(create({"connection": "acme-close", "name": "Pier"}).json()["name"])

problem = create({"connection": "acme-close", "nme": "Pier"}).json()
print("{status} {code}, retry {retry}, outcome {outcome}".format(**problem))
for fault in problem["errors"]:
    print("{pointer}: {detail}".format(**fault))
