-- KEYS: user. ARGV: handle, edge.
-- The name is at that edge if the handle owns it.
if redis.call('HGET', KEYS[1], 'sb_handle') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'sb_edge', ARGV[2])
end
