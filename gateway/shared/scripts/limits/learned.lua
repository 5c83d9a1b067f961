-- Takes the vendor's own words, in their order. Of one window the lesser counts, as answers may
-- overtake each other.
-- ARGV: how long a word without a time counts; how far apart the ends of one window may be; how
-- long the words are kept; then for each its limit, what remains, and when there is more, in ms,
-- each '' where it does not say.
local hold, same, keep = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
for i = 6, tonumber(ARGV[2]), 3 do
  local limit, remaining = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local reset = tonumber(ARGV[i + 2])
  local said = word(WORD)
  local till = now + (reset or hold)
  local goes_on = now < said.till and till <= said.till + same
  if limit then redis.call('HSET', WORD, 'limit', limit) end
  if limit and reset then redis.call('HSET', WORD, 'window', math.max(said.window, reset)) end
  if remaining then
    local held = goes_on and said.left or remaining
    if goes_on then till = math.max(till, said.till) end
    redis.call('HSET', WORD, 'left', math.min(held, remaining), 'until', till)
  end
end
redis.call('PEXPIRE', WORD, keep)
return 1
