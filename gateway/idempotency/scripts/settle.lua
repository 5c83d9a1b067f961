-- Proof by reading, or the word of an operator, who has no owner and settles what is parked.
-- verdict, by whom, why; then the final answer, or index from 1, name and reply of a step.
local verdict, by, why = ARGV[4], ARGV[5], ARGV[6]
local index = verdict == 'step' and tonumber(ARGV[7])
local operator = owner == ''
local parked = operator and r.st == 'indeterminate'
local held = not operator and r.st == 'reconciling' and mine()

if not r.st then return answer('lost') end
if (parked or held) and (not index or index == #steps + 1) then
  witness('settled', verdict)
  set({by = by, why = why})
  if verdict == 'not_applied' then
    unapplied()
  elseif verdict == 'step' then
    local lease_until = operator and now or r.lu
    enter('claimed', {un = 0, lu = lease_until, steps = with_step(index, ARGV[8], ARGV[9])})
  else
    conclude(7)
  end
  return answer('ok')
end
if r.st == 'completed' then
  return answer(r.outcome == verdict and r.resp == ARGV[7] and 'ok' or 'already')
end

-- Nothing was done, unless this very call did it and its reply was lost.
local again = r.un == 0 and r.by == by and r.why == why and (operator or mine())
local released = verdict == 'not_applied' and (r.st == 'not_applied' or r.st == 'claimed')
local stepped = index and r.st == 'claimed' and steps[index]
return answer(again and (released or stepped) and 'ok' or 'fenced')
