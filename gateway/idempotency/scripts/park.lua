-- No proof within the horizon: a person decides.
-- why.
if r.st == 'reconciling' and mine() then
  witness('parked', ARGV[4])
  enter('indeterminate', {})
end
return answer(r.st == 'indeterminate' and mine() and 'ok' or 'fenced')
