-- KEYS: user. ARGV: call, our proxy, now.
-- Stores that the name is in no call, if it was in this one.
local call, proxy = unpack(redis.call('HMGET', KEYS[1], 'sb_call', 'proxy_uuid'))
if call ~= ARGV[1] then
  return
end
redis.call('HDEL', KEYS[1], 'sb_call')
if proxy == ARGV[2] then
  redis.call('HSET', KEYS[1], 'incall', '', 'peer_name', '', 'utime', ARGV[3])
end
