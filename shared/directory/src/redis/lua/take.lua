-- KEYS: handle. ARGV: name, call.
-- Answers the call the handle is in now, or nil when the handle does not own the name.
local name, call = unpack(redis.call('HMGET', KEYS[1], 'username', 'call'))
if call == ARGV[2] then
  return call
end
if name ~= ARGV[1] then
  return false
end
if call then
  return call
end
redis.call('HSET', KEYS[1], 'call', ARGV[2])
return ARGV[2]
