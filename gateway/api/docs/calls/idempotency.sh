# Sends a write twice under one key, and then another write under it.
api=${GATEWAY_URL:-http://127.0.0.1:8080}/v1
auth="Authorization: Bearer ${GATEWAY_KEY:-demo-key}"
key=pier-$(date +%s)-$$

for name in Pier Pier Quay; do
  curl -s -o /dev/null -w '%{http_code} %header{idempotency-status}\n' "$api/opportunities" \
    -H "$auth" -H 'Content-Type: application/json' -H "Idempotency-Key: $key" \
    -d '{"connection": "acme-close", "name": "'"$name"'"}'
done
