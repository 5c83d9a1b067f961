-- Gets an open record whose lease is over, or the holder's own send that no verdict came for.
-- lease.
local lease = tonumber(ARGV[4])

if not r.st or r.st == 'not_applied' then
  redis.call('ZREM', OPEN, ID)
  return answer('gone')
end
if r.st == 'completed' then return answer('replay') end
if r.st == 'indeterminate' then return answer('indeterminate') end
if r.own == owner and r.st ~= 'dispatched' then return answer('mine') end
if r.own ~= owner and r.lu > now then return answer('in_flight') end
return answer(take_over(lease))
