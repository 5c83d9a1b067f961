-- An ended record drops what holds a customer's data, and keeps what says how it ended.
-- the age from which on it does.
local age = tonumber(ARGV[4])
local ended = r.st == 'completed' or r.st == 'not_applied'

if not (ended and now - r.te >= age) then return answer('fenced') end
redis.call('HDEL', RECORD, 'req', 'resp', 'pre', 'steps')
return answer('ok')
