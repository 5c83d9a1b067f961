-- Keeps what came of renewing, on top of what it was renewed from alone, and ends the claim: 1, or 0
-- where something else was kept meanwhile. It needs no claim: what is spent is spent.
-- ARGV: the number renewed from, what is kept, for how many ms it holds.
local kept = number('number') - ARGV[1]
if kept == 1 and redis.call('HGET', GRANT, 'sealed') == ARGV[2] then return 1 end
if kept ~= 0 then return 0 end
redis.call('HSET', GRANT, 'sealed', ARGV[2])
set('number', ARGV[1] + 1)
set('made', now)
set('ends', now + ARGV[3])
redis.call('HDEL', GRANT, 'owner', 'until')
redis.call('PEXPIRE', GRANT, KEEP)
return 1
