-- Takes the vendor's own word. Of one window the lesser counts, as answers may overtake each other.
-- ARGV: its limit, what remains, and when there is more, in ms, each '' where it does not say; how
-- long a word without a time counts; how far apart the ends of one window may be; how long the
-- word is kept.
local limit, remaining = tonumber(ARGV[3]), tonumber(ARGV[4])
local reset = tonumber(ARGV[5])
local hold, same, keep = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local said = word()
local till = now + (reset or hold)
local goes_on = now < said.till and till <= said.till + same
if limit then redis.call('HSET', WORD, 'limit', limit) end
if limit and reset then redis.call('HSET', WORD, 'window', math.max(said.window, reset)) end
if remaining then
  local held = goes_on and said.left or remaining
  if goes_on then till = math.max(till, said.till) end
  redis.call('HSET', WORD, 'left', math.min(held, remaining), 'until', till)
end
redis.call('PEXPIRE', WORD, keep)
return 1
