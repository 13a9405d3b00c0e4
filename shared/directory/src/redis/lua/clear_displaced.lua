-- KEYS: user. ARGV: handle, our proxy.
-- Removes our fields from a foreign record, if they are of that handle.
local owner, proxy = unpack(redis.call('HMGET', KEYS[1], 'sb_handle', 'proxy_uuid'))
if owner == ARGV[1] and proxy ~= ARGV[2] then
  redis.call('HDEL', KEYS[1], 'sb_handle', 'sb_edge', 'sb_call', 'sb_previous_proxy')
end
