-- What is not settled does not end by itself, however long it takes.
if UNSETTLED[r.st] then
  enter(r.st, {})
elseif not r.st then
  redis.call('ZREM', OPEN, ID)
  redis.call('ZREM', ENDED, ID)
end
return answer(r.st and 'ok' or 'gone')
