-- Not a byte of a recorded send left.
-- send.
local send = tonumber(ARGV[4])

if not mine() or r.at ~= send then return answer('fenced') end
if r.st == 'dispatched' then
  local un = r.un == send and 0 or r.un
  enter(un == 0 and 'claimed' or 'reconciling', {un = un})
  return answer('ok')
end
return answer((r.st == 'claimed' or r.st == 'reconciling') and 'ok' or 'fenced')
