-- The holder is alive: its lease lasts longer, within a limit from its claim or its latest send.
-- lease, limit.
local lease, limit = tonumber(ARGV[4]), tonumber(ARGV[5])

if not (mine() and WORKED_ON[r.st]) then return answer('fenced') end
local lease_until = math.min(now + lease, math.max(r.td, r.tf) + limit)
if lease_until > r.lu then
  set({lu = lease_until})
  redis.call('ZADD', OPEN, lease_until, ID)
end
return answer('ok')
