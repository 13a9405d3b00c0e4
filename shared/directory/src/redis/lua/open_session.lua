-- KEYS: session. ARGV: edge, grace in milliseconds, proof (none where any client may claim it).
-- Answers nil, or for a session that is there already the edge that holds it.
if redis.call('HSETNX', KEYS[1], 'edge', ARGV[1]) == 0 then
  return redis.call('HGET', KEYS[1], 'edge')
end
redis.call('HSET', KEYS[1], 'grace', ARGV[2])
if ARGV[3] then
  redis.call('HSET', KEYS[1], 'proof', ARGV[3])
end
return false
