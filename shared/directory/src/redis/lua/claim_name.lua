-- KEYS: handle. ARGV: name, request, edge.
-- Answers the name the handle has already, or nil when it may have the one it wants.
local name, request = unpack(redis.call('HMGET', KEYS[1], 'username', 'request'))
if name and (name ~= ARGV[1] or request ~= ARGV[2]) then
  return name
end
redis.call('HSET', KEYS[1], 'username', ARGV[1], 'request', ARGV[2], 'edge', ARGV[3])
return false
