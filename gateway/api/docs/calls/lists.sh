# Copies every opportunity of a connection page by page, and later what has changed since.
api=${GATEWAY_URL:-http://127.0.0.1:8080}/v1
auth="Authorization: Bearer ${GATEWAY_KEY:-demo-key}"

# Prints the id of whatever was updated then or later.
changed_since() {
  cursor=
  while :; do
    page=$(curl -s -f -G "$api/opportunities" -H "$auth" -d connection=acme-close -d limit=8 \
      --data-urlencode "updated_after=$1" ${cursor:+--data-urlencode "cursor=$cursor"}) || return
    printf '%s' "$page" | jq -r '.items[].id'
    cursor=$(printf '%s' "$page" | jq -r '.next_cursor // empty')
    [ "$cursor" ] || return 0
  done
}

began=$(jq -rn 'now - 60 | floor | todate') # with a minute to spare: bounds are inclusive
copies=$(changed_since 1970-01-01T00:00:00Z)
echo "$(echo "$copies" | wc -l | tr -d ' ') copied"

curl -s -o /dev/null -X PATCH "$api/opportunities/$(echo "$copies" | head -n 1)" \
  -H "$auth" -H 'Content-Type: application/json' -d '{"name": "Pier"}'
echo "$(changed_since "$began" | wc -l | tr -d ' ') changed since"
