-- KEYS: handle. ARGV: edge.
-- The handle is at that edge if it has a record.
if redis.call('HEXISTS', KEYS[1], 'edge') == 1 then
  redis.call('HSET', KEYS[1], 'edge', ARGV[1])
end
