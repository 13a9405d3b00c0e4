-- KEYS: handle. ARGV: edge.
-- Sets the handle's edge, if it has a record.
if redis.call('HEXISTS', KEYS[1], 'edge') == 1 then
  redis.call('HSET', KEYS[1], 'edge', ARGV[1])
end
