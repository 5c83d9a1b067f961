-- What is left, with nothing counted: the limit and what is left of it by the vendor's word, '' for
-- what it does not say; then what is left of each window.
local said = word(WORD)
local found = {said.limit or '', said.left or ''}
for _, w in ipairs(windows) do
  live(w)
  found[#found + 1] = math.max(w.limit - w.used, 0)
end
return found
