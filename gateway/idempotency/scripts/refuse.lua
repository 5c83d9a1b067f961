-- The vendor said no to a send: it may be tried again, or that was its end.
-- Here the fence is the send's. send, '1' where it ends the operation.
local send, last = tonumber(ARGV[4]), ARGV[5] == '1'
local late = r.st == 'reconciling'

if not r.st or r.df ~= fence or r.at ~= send then return answer('fenced') end
if r.st == 'dispatched' or late then
  if r.un == send then set({un = 0, g = r.g + 1}) end
  if r.un ~= 0 then
    enter('reconciling', {})
  elseif last or late then
    unapplied()
  else
    enter('claimed', {})
  end
  return answer('ok')
end
local again = (r.st == 'claimed' or r.st == 'not_applied') and r.un == 0
return answer(again and 'ok' or 'fenced')
