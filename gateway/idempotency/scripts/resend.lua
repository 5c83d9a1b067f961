-- A reconciler may send again (reliability.md 2.6 says when).
-- '1' where the earlier sends are proved not to have been applied.
local proved = ARGV[4] == '1'

if not mine() then return answer('fenced') end
if r.st == 'reconciling' then
  witness('resend', proved and 'proved absent' or 'the vendor dedupes')
  enter('claimed', {un = proved and 0 or r.un})
end
return answer(r.st == 'claimed' and 'ok' or 'fenced')
