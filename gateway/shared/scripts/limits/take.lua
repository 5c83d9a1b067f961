-- Counts a call in every window of a bucket, if there is room for it in all of them. Each bucket is
-- taken from by itself.
-- ARGV: how many others came before it.
-- Answers for each: how long to wait, 0 for none; the time; what is left, '' for no limit; for how
-- long; and what is left of each window.
local ahead = tonumber(ARGV[3])

local function take(bucket)
  local said = word(bucket.word)
  local longest = 0
  for _, w in ipairs(bucket.windows) do
    live(w)
    longest = math.max(longest, wait(w, ahead))
  end
  if said.left and said.left <= ahead then longest = math.max(longest, said.till - now) end
  local told = {longest, now, 0, longest}
  if longest > 0 then
    for _, w in ipairs(bucket.windows) do told[#told + 1] = math.max(w.limit - w.used, 0) end
    return told
  end

  local left, renews = '', 0
  local function tighter(calls, ms)
    if left == '' or calls < left or (calls == left and ms < renews) then
      left, renews = calls, ms
    end
  end
  for _, w in ipairs(bucket.windows) do
    local at = math.floor(now / w.slice)
    redis.call('HINCRBY', w.key, at, 1)
    redis.call('PEXPIRE', w.key, w.kept)
    local oldest = w.held[1] and w.held[1].at or at
    told[#told + 1] = w.limit - w.used - 1
    tighter(w.limit - w.used - 1, expiry(w, oldest) - now)
  end
  if said.left then
    redis.call('HSET', bucket.word, 'left', said.left - 1, 'until', said.till)
    tighter(said.left - 1, said.till - now)
  end
  told[3], told[4] = left, renews
  return told
end

local answer = {}
for i, bucket in ipairs(buckets) do answer[i] = take(bucket) end
return answer
