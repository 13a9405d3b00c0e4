-- KEYS: user. ARGV: handle, our proxy.
-- Takes our fields out of a record that is a peer's, if they are that handle's.
local owner, proxy = unpack(redis.call('HMGET', KEYS[1], 'sb_handle', 'proxy_uuid'))
if owner == ARGV[1] and proxy ~= ARGV[2] then
  redis.call('HDEL', KEYS[1], 'sb_handle', 'sb_edge', 'sb_call', 'sb_former')
end
