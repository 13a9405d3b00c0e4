-- KEYS: user. ARGV: handle, our proxy.
-- Deletes the record if it is that handle's and ours; answers 1 or 0.
local owner, proxy = unpack(redis.call('HMGET', KEYS[1], 'sb_handle', 'proxy_uuid'))
if owner ~= ARGV[1] or proxy ~= ARGV[2] then
  return 0
end
return redis.call('DEL', KEYS[1])
