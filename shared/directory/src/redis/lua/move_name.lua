-- KEYS: user. ARGV: handle, edge, our proxy.
-- The name is at that edge if the handle owns it.
local owner, proxy = unpack(redis.call('HMGET', KEYS[1], 'sb_handle', 'proxy_uuid'))
if owner == ARGV[1] and proxy == ARGV[3] then
  redis.call('HSET', KEYS[1], 'sb_edge', ARGV[2])
end
