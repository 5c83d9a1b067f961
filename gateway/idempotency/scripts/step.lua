-- One of several vendor writes is done. Here the fence is the send's.
-- send, index from 1, name, reply.
local send, index = tonumber(ARGV[4]), tonumber(ARGV[5])

if steps[index] then return answer(r.own == owner and 'ok' or 'late') end
local sent = (r.st == 'dispatched' or r.st == 'reconciling') and r.df == fence and r.at == send
if not sent or index ~= #steps + 1 then return answer('fenced') end
local lease_until = r.own == owner and r.lu or now
enter('claimed', {un = 0, lu = lease_until, steps = with_step(index, ARGV[6], ARGV[7])})
return answer(r.own == owner and 'ok' or 'late')
