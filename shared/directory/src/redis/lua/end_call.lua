-- KEYS: call. ARGV: the final notices, or '1' for none; the token of the caller, absent if it may end any
-- call.
-- From here on the call acquires no handle. The first final notices stay. Returns {1, record}, {1, nil} for
-- no such call, or {0, nil} when a later holder of the lease owns the call.
local record, term = unpack(redis.call('HMGET', KEYS[1], 'record', 'term'))
if term and ARGV[2] and tonumber(term) > tonumber(ARGV[2]) then
  return {0, false}
end
if record then
  redis.call('HSETNX', KEYS[1], 'ended', ARGV[1])
end
return {1, record}
