-- KEYS: session. ARGV: edge, grace in milliseconds, token digest (absent if any client may claim the
-- session).
-- Returns nil, or the edge of a session that exists already.
if redis.call('HSETNX', KEYS[1], 'edge', ARGV[1]) == 0 then
  return redis.call('HGET', KEYS[1], 'edge')
end
redis.call('HSET', KEYS[1], 'grace', ARGV[2])
if ARGV[3] then
  redis.call('HSET', KEYS[1], 'token_digest', ARGV[3])
end
return false
