# Reads what a custom field takes, sets it with a create, and adds a value to it.
api=${GATEWAY_URL:-http://127.0.0.1:8080}/v1
auth="Authorization: Bearer ${GATEWAY_KEY:-demo-key}"
json='Content-Type: application/json'

curl -s "$api/connections/acme-close/custom-fields" -H "$auth" |
  jq -r '.items[] | select(.key == "robots") | "\(.type): \(.choices | join(", "))"'

made=$(curl -s -o /dev/null -w '%header{location}' "$api/opportunities" -H "$auth" -H "$json" \
  -d '{"connection": "acme-close", "name": "Pier", "custom_fields": {"robots": ["Picker"]}}')

curl -s -X PATCH "${api%/v1}$made" -H "$auth" -H "$json" \
  -d '{"custom_fields_add": {"robots": ["Courier"]}}' |
  jq -r '.custom_fields.robots | join(", ")'
