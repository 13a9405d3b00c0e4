-- KEYS: handle. ARGV: name, the request that claimed it.
-- Removes the name from the handle if that request claimed it. Returns 1 or 0.
local name, request = unpack(redis.call('HMGET', KEYS[1], 'username', 'request'))
if name ~= ARGV[1] or request ~= ARGV[2] then
  return 0
end
return redis.call('HDEL', KEYS[1], 'username')
