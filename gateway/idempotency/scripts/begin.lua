-- Claims a key for a request, or tells how it stands with it.
-- lease, keep, how many fingerprints, then each one's pair and digest, then fields and values.
-- Where the node has the lease of the vendor's record too, that is the fifth key, and for how long
-- it is taken comes last: it is asked for with the claim, as `rl_take` would be after it.
local lease, keep, count = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local facts = {keep = keep}
local beside = KEYS[5]
for i = 7 + 2 * count, beside and #ARGV - 1 or #ARGV, 2 do facts[ARGV[i]] = ARGV[i + 1] end

-- What tells that it is another request; one that cannot be compared is neither.
local function stranger()
  for i = 7, 5 + 2 * count, 2 do
    if ARGV[i] == r.fpv then return ARGV[i + 1] ~= r.fp and 'mismatch' end
  end
  return 'unreadable'
end

local function begun(word)
  local told = answer(word)
  if word == 'new' and beside then
    local holder = redis.call('GET', beside)
    local free = not holder or holder == owner
    if free then redis.call('SET', beside, owner, 'PX', ARGV[#ARGV]) end
    told[9] = free and 1 or 0
  end
  return told
end

local function claim()
  set(facts)
  seize('claimed', lease)
  return begun('new')
end

if not r.st then
  WHOLE.new = false
  redis.call('INCR', HIGHWATER)
  facts.v, facts.t0, facts.fpv, facts.fp = 1, now, ARGV[7], ARGV[8]
  return claim()
end
if stranger() then return answer(stranger()) end
if r.st == 'completed' then return answer('replay') end
if r.st == 'indeterminate' then return answer('indeterminate') end
if r.own == owner then return answer('mine') end
if r.st == 'not_applied' then return claim() end
if r.lu > now then return answer('in_flight') end
return begun(take_over(lease))
