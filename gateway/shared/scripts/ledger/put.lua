-- Keeps the record of one request for a while; the oldest of its bucket go where there are too many.
-- KEYS: the record, the names of all records of its bucket, the oldest first; both of one hash tag.
-- ARGV: for how many ms it is kept, how many its bucket holds, then members and their values.
local RECORD, BUCKET = KEYS[1], KEYS[2]
local keep, most = ARGV[1], tonumber(ARGV[2])
local added = redis.call('HSET', RECORD, unpack(ARGV, 3))
redis.call('PEXPIRE', RECORD, keep)
if added > 0 then redis.call('RPUSH', BUCKET, RECORD) end
redis.call('PEXPIRE', BUCKET, keep)
for _ = 1, redis.call('LLEN', BUCKET) - most do
  redis.call('DEL', redis.call('LPOP', BUCKET))
end
return added
