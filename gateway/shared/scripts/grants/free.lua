-- Ends a claim of which nothing came. ARGV: the owner. Only the owner's claim is ended.
if not is_owner(ARGV[1]) then return 0 end
return redis.call('HDEL', GRANT, 'owner', 'until')
