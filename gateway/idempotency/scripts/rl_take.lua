-- The lease of a vendor's record, for one writer at a time: how long it is another's, 0 for mine.
-- KEYS: the lease. ARGV: the owner, for how long.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return math.max(redis.call('PTTL', KEYS[1]), 1) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0
