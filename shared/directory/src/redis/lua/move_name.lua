-- KEYS: user. ARGV: handle, edge, our proxy.
-- The name is at that edge if the handle owns it and it is ours.
local owner, _, ours = name(KEYS[1], ARGV[3])
if owner == ARGV[1] and ours then
  redis.call('HSET', KEYS[1], 'sb_edge', ARGV[2])
end
