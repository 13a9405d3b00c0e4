-- KEYS: user. ARGV: handle, our proxy.
-- Deletes the record if it is that handle's and ours; answers 1 or 0.
local owner, _, ours = name(KEYS[1], ARGV[2])
if owner ~= ARGV[1] or not ours then
  return 0
end
return redis.call('DEL', KEYS[1])
