-- Adds a line of evidence.
-- kind, detail.
if not r.st then return answer('lost') end
witness(ARGV[4], ARGV[5])
return answer('ok')
