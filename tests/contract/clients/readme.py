import os

from opportunity_gateway_client import AuthenticatedClient
from opportunity_gateway_client.api.opportunities import create_opportunity
from opportunity_gateway_client.models import OpportunityDraft, Problem, ValueDraft

client = AuthenticatedClient(base_url=os.environ["GATEWAY_URL"], token=os.environ["GATEWAY_KEY"])
draft = OpportunityDraft("acme-close", name="Harbour", value=ValueDraft(amount="7500.00"))
made = create_opportunity.sync(client=client, body=draft, idempotency_key="harbour-1")
if made is None or isinstance(made, Problem):
    raise SystemExit(made and f"{made.code}: {made.detail}")
print(made.id, made.name, made.status)
