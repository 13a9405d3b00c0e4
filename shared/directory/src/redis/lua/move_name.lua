-- KEYS: user. ARGV: handle, edge, our proxy.
-- The name is at that edge if the handle owns it, also where a former owner's proxy has repeated itself.
local owner, proxy, ctime, former = unpack(redis.call('HMGET', KEYS[1],
  'sb_handle', 'proxy_uuid', 'ctime', 'sb_former'))
local repeated = former and proxy and former == proxy .. ' ' .. (ctime or '')
if owner == ARGV[1] and (proxy == ARGV[3] or repeated) then
  redis.call('HSET', KEYS[1], 'sb_edge', ARGV[2])
end
