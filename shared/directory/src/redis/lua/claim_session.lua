-- KEYS: session. ARGV: the edge it is taken from, the edge that takes it.
-- Answers what was written down of it, or nil when the first does not hold it.
if redis.call('HGET', KEYS[1], 'edge') ~= ARGV[1] then
  return false
end
redis.call('HSET', KEYS[1], 'edge', ARGV[2])
redis.call('HDEL', KEYS[1], 'away')
return redis.call('HGETALL', KEYS[1])
