-- Stands before every script of a grant: what a vendor lent a connection, sealed, in one hash.
-- `number` says how often it was renewed, `sealed` what it is, `made` and `ends` since when and until
-- when it holds, in ms; `owner` may renew it until `until`. All time is this server's own.
-- KEYS: the grant. ARGV: what the script's first lines say.
local KEEP = 400 * 86400 * 1000  -- a grant that nobody has renewed for so long is forgotten
local GRANT = KEYS[1]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local function number(field)
  return tonumber(redis.call('HGET', GRANT, field) or '0')
end

local function set(field, value)
  redis.call('HSET', GRANT, field, string.format('%.0f', value))
end

local function is_owner(name)
  return redis.call('HGET', GRANT, 'owner') == name
end
