-- Lets one try out whether a switch may be reset: 0 for mine, else in how many ms to ask again.
-- ARGV[2]: for how many ms nobody else may.
local thrown, probed = read(redis.call('HGET', SWITCHES, NAME))
local free = math.max(thrown, probed)
if now < free then return free - now end
set(thrown, now + ARGV[2])
return 0
