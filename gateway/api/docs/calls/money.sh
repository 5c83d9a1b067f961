# Sends an amount that the vendor can hold, and one that it cannot: refused, then rounded.
api=${GATEWAY_URL:-http://127.0.0.1:8080}/v1
auth="Authorization: Bearer ${GATEWAY_KEY:-demo-key}"
json='Content-Type: application/json'

made=$(curl -s "$api/opportunities" -H "$auth" -H "$json" \
  -d '{"connection": "acme-close", "name": "Pier", "value": {"amount": "7500.00"}}')
printf '%s' "$made" | jq -r '.value | "\(.amount) \(.currency) \(.period)"'
at="$api/opportunities/$(printf '%s' "$made" | jq -r .id)"

finer='{"value": {"amount": "7500.005"}}'
curl -s -X PATCH "$at" -H "$auth" -H "$json" -d "$finer" |
  jq -r '"\(.code): \(.errors[0].allowed | join(" or "))"'
curl -s -X PATCH "$at" -H "$auth" -H "$json" -H 'Prefer: handling=lenient' -d "$finer" |
  jq -r '"\(.value.amount), \(.warnings[0].code)"'
