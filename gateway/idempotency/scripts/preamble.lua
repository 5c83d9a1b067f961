-- Stands before every script of a record: `shared/scripts.py` joins the two. The fields are those
-- of reliability.md 2.2, where `record.py` gives them their names, and a few that it leaves open:
-- `tf`, when the holder got its fence; `keep`, the retention; and for who looks at operations
-- `method`, `vid`, `oid`, `status`, `outcome`, `code`, and `by` and `why`, who settled it and why.
-- KEYS: the record; its bucket's indexes `open` and `ended`; its bucket's counter `hw`.
-- ARGV: the time in ms, '' for the server's own (tests alone pass one); the owner; a fence.
-- What a script takes beyond these stands in its first lines.
local RECORD, OPEN, ENDED, HIGHWATER = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ID = string.sub(RECORD, -32)
local OPEN_KEEP = 30 * 24 * 3600 * 1000
local ROOM = 8192  -- bytes of evidence; the oldest goes first

local WORKED_ON = {claimed = true, dispatched = true, reconciling = true}
local UNSETTLED = {dispatched = true, reconciling = true, indeterminate = true}
local TEXTS = {'st', 'own', 'fp', 'fpv', 'steps', 'ev', 'resp', 'outcome', 'by', 'why'}
local NUMBERS = {'f', 'at', 'df', 'un', 'lu', 'td', 'tf', 'te', 'g', 'keep'}

local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local now = tonumber(ARGV[1]) or clock()
local owner, fence = ARGV[2], tonumber(ARGV[3])

local r = {}  -- the record; r.st is false where there is none
for i, value in ipairs(redis.call('HMGET', RECORD, unpack(TEXTS))) do r[TEXTS[i]] = value end
for i, value in ipairs(redis.call('HMGET', RECORD, unpack(NUMBERS))) do
  r[NUMBERS[i]] = tonumber(value or 0)
end
local steps = r.steps and cjson.decode(r.steps) or {}  -- those that are done

local function mine()
  return r.own == owner and r.f == fence
end

local function set(changes)
  local told = {}
  for field, value in pairs(changes) do
    r[field] = value
    told[#told + 1], told[#told + 2] = field, value
  end
  if told[1] then redis.call('HSET', RECORD, unpack(told)) end
end

-- The one way into a state: fields, index and TTL change together.
local function enter(state, changes)
  changes.st = state
  if not WORKED_ON[state] then changes.lu = 0 end
  set(changes)
  if WORKED_ON[state] then
    redis.call('ZADD', OPEN, r.lu, ID)
    redis.call('ZREM', ENDED, ID)
  else
    redis.call('ZADD', ENDED, state == 'indeterminate' and -now or now, ID)
    redis.call('ZREMRANGEBYSCORE', ENDED, 0, now - r.keep)
    redis.call('ZREM', OPEN, ID)
  end
  if UNSETTLED[state] then
    redis.call('PEXPIRE', RECORD, math.max(OPEN_KEEP, r.keep))
  elseif state ~= 'claimed' or redis.call('PTTL', RECORD) < r.keep then
    redis.call('PEXPIRE', RECORD, r.keep)
  end
end

local function seize(state, lease)
  enter(state, {own = owner, f = r.f + 1, lu = now + lease, tf = now, te = 0})
end

-- The next holder runs it while no send is open, and else only finds out.
local function take_over(lease)
  local state = r.st == 'claimed' and r.un == 0 and 'claimed' or 'reconciling'
  seize(state, lease)
  return state == 'claimed' and 'new' or 'reconcile'
end

-- Nothing of the open send was applied. A step that is done is never forgotten: then the record
-- waits to be resumed.
local function unapplied()
  if #steps > 0 then
    enter('claimed', {un = 0, lu = now})
  else
    enter('not_applied', {un = 0, te = now})
  end
end

-- The final answer: ARGV from `first` on are its bytes, status, outcome, opportunity and code.
local function conclude(first)
  local answer = {un = 0, te = now}
  for i, field in ipairs({'resp', 'status', 'outcome', 'oid', 'code'}) do
    if ARGV[first + i - 1] ~= '' then answer[field] = ARGV[first + i - 1] end
  end
  enter('completed', answer)
end

local function with_step(index, name, reply)
  steps[index] = {name = name, st = 'done', reply = reply}
  return cjson.encode(steps)
end

-- A line of evidence; what repeats the line before it adds nothing.
local function witness(kind, detail)
  local what = ',' .. cjson.encode(kind) .. ',' .. cjson.encode(detail) .. ']\n'
  local seen = r.ev or ''
  if string.sub(seen, -#what) == what then return end
  seen = seen .. string.format('[%.0f', now) .. what
  while #seen > ROOM do seen = string.sub(seen, string.find(seen, '\n') + 1) end
  set({ev = seen})
end

-- What comes with the record; a claim that made it does not, whose caller has just sent all of it.
local WHOLE = {new = true, mine = true, replay = true, reconcile = true, indeterminate = true}

local function answer(word)
  local left = math.max(r.lu - now, 0)
  local made = tonumber(redis.call('GET', HIGHWATER) or 0)
  local whole = WHOLE[word] and redis.call('HGETALL', RECORD) or {}
  return {word, r.st or '', r.f, r.at, now, left, made, whole}
end
