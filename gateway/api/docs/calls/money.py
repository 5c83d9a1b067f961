"""Sends an amount that the vendor can hold, and one that it cannot: refused, then rounded."""

import os
from decimal import Decimal

import httpx

api = httpx.Client(
    base_url=os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080"),
    headers={"Authorization": f"Bearer {os.environ.get('GATEWAY_KEY', 'demo-key')}"},
    timeout=60,
)

draft = {"connection": "acme-close", "name": "Pier", "value": {"amount": "7500.00"}}
made = api.post("/v1/opportunities", json=draft).raise_for_status()
print("{amount} {currency} {period}".format(**made.json()["value"]))

finer = {"value": {"amount": str(Decimal("7500.00") + Decimal("0.005"))}}
refused = api.patch(made.headers["Location"], json=finer).json()
print(f"{refused['code']}: {' or '.join(refused['errors'][0]['allowed'])}")

lenient = {"Prefer": "handling=lenient"}
rounded = api.patch(made.headers["Location"], json=finer, headers=lenient).json()
print(f"{rounded['value']['amount']}, {rounded['warnings'][0]['code']}")
