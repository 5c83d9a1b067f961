-- What is kept: its number, what it is, for how many ms it still holds, and for how many it has.
local sealed = redis.call('HGET', GRANT, 'sealed') or ''
return {number('number'), sealed, math.max(number('ends') - now, 0), math.max(now - number('made'), 0)}
