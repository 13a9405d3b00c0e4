-- KEYS: handle. ARGV: name, call.
-- Returns {call, new}: the call that the handle is in now, and 1 if it was in none before, else 0. Returns nil
-- when the handle does not own the name.
local name, call = unpack(redis.call('HMGET', KEYS[1], 'username', 'call'))
if call == ARGV[2] then
  return {call, 0}
end
if name ~= ARGV[1] then
  return false
end
if call then
  return {call, 0}
end
redis.call('HSET', KEYS[1], 'call', ARGV[2])
return {ARGV[2], 1}
