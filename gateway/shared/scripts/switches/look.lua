-- Every switch that is not reset, and in how many ms it may be tried out.
local found = {}
local names = redis.call('HGETALL', SWITCHES)
for i = 1, #names, 2 do
  local thrown, probed = read(names[i + 1])
  found[i], found[i + 1] = names[i], math.max(thrown - now, probed - now, 0)
end
return found
