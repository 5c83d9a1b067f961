-- Resets a switch.
return redis.call('HDEL', SWITCHES, NAME)
