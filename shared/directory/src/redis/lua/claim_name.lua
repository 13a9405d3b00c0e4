-- KEYS: handle. ARGV: name, request, edge.
-- Returns {1} when the handle has the name now. Returns {2, name} for a handle that had a name before this
-- request. Returns {3} for a redelivered request whose name was revoked since.
local name, request = unpack(redis.call('HMGET', KEYS[1], 'username', 'request'))
if name and (name ~= ARGV[1] or request ~= ARGV[2]) then
  return {2, name}
end
if not name and request == ARGV[2] then
  return {3}
end
redis.call('HSET', KEYS[1], 'username', ARGV[1], 'request', ARGV[2], 'edge', ARGV[3])
return {1}
