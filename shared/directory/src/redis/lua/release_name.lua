-- KEYS: user. ARGV: handle, our proxy.
-- Deletes the record if the name is local and that handle owns it. Returns 1 or 0.
local owner, _, is_local = name(KEYS[1], ARGV[2])
if owner ~= ARGV[1] or not is_local then
  return 0
end
return redis.call('DEL', KEYS[1])
