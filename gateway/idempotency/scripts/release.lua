-- Frees the key, under which nothing was applied; the record goes only if nothing was ever sent.
if not r.st then return answer('ok') end
if not mine() then return answer('fenced') end
if r.st == 'claimed' and r.un ~= 0 then
  enter('reconciling', {lu = now})
elseif r.st == 'claimed' and r.at == 0 then
  redis.call('DEL', RECORD)
  redis.call('ZREM', OPEN, ID)
  r = {f = 0, at = 0, lu = 0}
elseif r.st == 'claimed' then
  unapplied()
elseif r.st ~= 'not_applied' and not (r.st == 'reconciling' and r.lu <= now) then
  return answer('fenced')
end
return answer('ok')
