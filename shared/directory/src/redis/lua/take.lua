-- KEYS: handle. ARGV: name, call.
-- Answers {the call the handle is in now, whether it was not before}, or nil when the handle does not
-- own the name.
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
