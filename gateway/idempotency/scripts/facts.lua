-- What the holder learned on its way.
-- fields and values.
if not (mine() and WORKED_ON[r.st]) then return answer('fenced') end
local facts = {}
for i = 4, #ARGV, 2 do facts[ARGV[i]] = ARGV[i + 1] end
set(facts)
return answer('ok')
