# Sends one write until it is decided, and another that has to be mended first.
api=${GATEWAY_URL:-http://127.0.0.1:8080}/v1
auth="Authorization: Bearer ${GATEWAY_KEY:-demo-key}"
json='Content-Type: application/json'
key=pier-$(date +%s)-$$

# curl sends again what may succeed later, and waits for as long as Retry-After says; -f keeps
# what failed on the way out of what it prints.
curl -s -f --retry 5 "$api/opportunities" -H "$auth" -H "$json" -H "Idempotency-Key: $key" \
  -d '{"connection": "acme-close", "name": "Pier"}' | jq -r '.name'

curl -s "$api/opportunities" -H "$auth" -H "$json" \
  -d '{"connection": "acme-close", "nme": "Pier"}' |
  jq -r '"\(.status) \(.code), retry \(.retry), outcome \(.outcome)",
    (.errors[] | "\(.pointer): \(.detail)")'
