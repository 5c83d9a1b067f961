-- Uncounts a call that was not made. The vendor's word stays: its next one will say.
-- ARGV: when the call was counted.
local at_ms = tonumber(ARGV[3])
for _, w in ipairs(windows) do
  local at = math.floor(at_ms / w.slice)
  local calls = tonumber(redis.call('HGET', w.key, at) or 0)
  if calls > 1 then
    redis.call('HINCRBY', w.key, at, -1)
  elseif calls == 1 then
    redis.call('HDEL', w.key, at)
  end
end
return 1
