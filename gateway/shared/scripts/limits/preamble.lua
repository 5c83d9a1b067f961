-- Stands before every script of buckets. What it says is said once more, in Python and for limits
-- in one process, by `sliding.py`; the tests hold both to the same.
-- KEYS: for each bucket the vendor's word, a hash of `limit`, `left`, `until`, `window`; then for
-- each window its counts, a hash of slice and calls.
-- ARGV: the time in ms, '' for the server's own (tests alone pass one); which of these is the last
-- before the buckets; the script's own; then for each bucket how many windows it has, and for each
-- of them its limit, the length of a slice, and how long after its beginning a slice counts.

local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local now = tonumber(ARGV[1]) or clock()

local buckets = {}
local at, key = tonumber(ARGV[2]) + 1, 1
while at <= #ARGV do
  local count, windows = tonumber(ARGV[at]), {}
  for i = 1, count do
    local w = at + 3 * i - 2
    windows[i] = {
      key = KEYS[key + i],
      limit = tonumber(ARGV[w]), slice = tonumber(ARGV[w + 1]), kept = tonumber(ARGV[w + 2]),
    }
  end
  buckets[#buckets + 1] = {word = KEYS[key], windows = windows}
  at, key = at + 3 * count + 1, key + count + 1
end
-- What is asked of one bucket alone.
local WORD, windows = buckets[1].word, buckets[1].windows

-- The slices that still count, the oldest first, and the sum of their calls.
local function live(w)
  w.held, w.used = {}, 0
  local found = redis.call('HGETALL', w.key)
  for i = 1, #found, 2 do
    local at, calls = tonumber(found[i]), tonumber(found[i + 1])
    if at * w.slice + w.kept > now then
      w.held[#w.held + 1] = {at = at, calls = calls}
      w.used = w.used + calls
    else
      redis.call('HDEL', w.key, found[i])
    end
  end
  table.sort(w.held, function(a, b) return a.at < b.at end)
end

local function expiry(w, at)
  return at * w.slice + w.kept
end

-- How long until there is room for one more than `ahead`; whole windows for whole limits.
local function wait(w, ahead)
  local rounds = math.floor(ahead / w.limit)
  local short = ahead % w.limit + 1 + w.used - w.limit
  local whole = rounds * w.kept
  if short <= 0 then return whole end
  for _, slice in ipairs(w.held) do
    short = short - slice.calls
    if short <= 0 then return whole + expiry(w, slice.at) - now end
  end
  return whole + w.kept
end

-- The vendor's word, or what follows from it once its time is over: a new window of the same size.
local function word(place)
  local found = redis.call('HMGET', place, 'limit', 'left', 'until', 'window')
  local said = {
    limit = tonumber(found[1]), left = tonumber(found[2]),
    till = tonumber(found[3] or 0), window = tonumber(found[4] or 0),
  }
  if now >= said.till then
    local anew = said.window > 0 and said.limit
    said.left = anew and said.limit or nil
    said.till = anew and now + said.window or said.till
  end
  return said
end
