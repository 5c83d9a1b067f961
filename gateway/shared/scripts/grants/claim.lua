-- Lets one renew the grant: 0 for mine, else in how many ms to look again. Asked twice it is still
-- mine, for longer. ARGV: the number to renew from, the owner, for how many ms.
if number('number') ~= tonumber(ARGV[1]) then return 1 end
local left = number('until') - now
if left > 0 and not is_owner(ARGV[2]) then return left end
redis.call('HSET', GRANT, 'owner', ARGV[2])
set('until', now + ARGV[3])
redis.call('PEXPIRE', GRANT, KEEP)
return 0
