-- Records that a send goes out, before its first byte does. A number is sent under once.
-- send, the lease that must be left, lease.
local send, min_left, lease = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

if mine() and r.st == 'dispatched' and r.at == send then return answer('ok') end
if not (mine() and r.st == 'claimed' and send == r.at + 1 and r.lu - now >= min_left) then
  return answer('fenced')
end
local changes = {at = send, df = fence, td = now, lu = now + lease}
if r.un == 0 then changes.un, changes.t1 = send, now end
enter('dispatched', changes)
return answer('ok')
