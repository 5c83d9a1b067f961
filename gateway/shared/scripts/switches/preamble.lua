-- Stands before every script of the switches: the connections to which no call goes for a while.
-- Each is a field of one hash, `UNTIL PROBED` in ms: thrown until the first; being tried out until
-- the second, by somebody who then says how it went. All time is this server's own.
-- KEYS: the hash. ARGV: the connection, and what the script's first lines say.
local KEEP = 3600 * 1000  -- a switch that nobody has touched for so long is forgotten
local SWITCHES, NAME = KEYS[1], ARGV[1]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local function read(value)
  local thrown, probed = string.match(value or '', '^(%d+) (%d+)$')
  return tonumber(thrown or 0), tonumber(probed or 0)
end

local function set(thrown, probed)
  redis.call('HSET', SWITCHES, NAME, string.format('%.0f %.0f', thrown, probed))
  redis.call('PEXPIRE', SWITCHES, KEEP)
end

