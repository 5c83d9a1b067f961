-- Keeps the final answer. The vendor's own is fenced by the send that it answers, not by the lease:
-- while somebody else only looks, it is the best evidence there is.
-- the send's fence or 0, keep, then the final answer.
-- The lease of the vendor's record, where it came with the claim, is the fifth key: it ends here.
local sent_under, keep = tonumber(ARGV[4]), tonumber(ARGV[5])
local beside = KEYS[5]

if beside and redis.call('GET', beside) == owner then redis.call('DEL', beside) end
if not r.st then return answer('lost') end
local late = r.st == 'not_applied'
if r.st == 'completed' then
  late = string.find(r.ev or '', ',"late",', 1, true)
  return answer(r.resp ~= ARGV[6] and 'already' or late and 'late' or 'ok')
end
local answered = sent_under > 0 and sent_under == r.df
local unsent = sent_under == 0 and r.st == 'claimed' and mine() and r.un == 0
if not (answered or unsent) then
  if sent_under > 0 then witness('fenced', 'an answer came to a send that was given up') end
  return answer('fenced')
end
if late then witness('late', 'an answer came after it was settled as not applied') end
set({keep = keep})
conclude(6)
return answer(late and 'late' or 'ok')
