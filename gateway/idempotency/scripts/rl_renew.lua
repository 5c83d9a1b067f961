-- KEYS: the lease. ARGV: the owner, for how long. Only the holder's lease is renewed.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
