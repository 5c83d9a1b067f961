-- Counts a call in every window, if there is room for it in all of them.
-- ARGV: how many others came before it.
-- Answers: how long to wait, 0 for none; the time; what is left, '' for no limit; for how long; and
-- what is left of each window.
local ahead = tonumber(ARGV[3])
local said = word()
local longest = 0
for _, w in ipairs(windows) do
  live(w)
  longest = math.max(longest, wait(w, ahead))
end
if said.left and said.left <= ahead then longest = math.max(longest, said.till - now) end
local answer = {longest, now, 0, longest}
if longest > 0 then
  for _, w in ipairs(windows) do answer[#answer + 1] = math.max(w.limit - w.used, 0) end
  return answer
end

local left, renews = '', 0
local function tighter(calls, ms)
  if left == '' or calls < left or (calls == left and ms < renews) then left, renews = calls, ms end
end
for _, w in ipairs(windows) do
  local at = math.floor(now / w.slice)
  redis.call('HINCRBY', w.key, at, 1)
  redis.call('PEXPIRE', w.key, w.kept)
  local oldest = w.held[1] and w.held[1].at or at
  answer[#answer + 1] = w.limit - w.used - 1
  tighter(w.limit - w.used - 1, expiry(w, oldest) - now)
end
if said.left then
  redis.call('HSET', WORD, 'left', said.left - 1, 'until', said.till)
  tighter(said.left - 1, said.till - now)
end
answer[3], answer[4] = left, renews
return answer
