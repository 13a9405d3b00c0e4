-- KEYS: user. ARGV: our proxy.
-- A record that says what a former owner's proxy has said before is ours still: so it is written.
local proxy, ctime, former, call = unpack(redis.call('HMGET', KEYS[1],
  'proxy_uuid', 'ctime', 'sb_former', 'sb_call'))
if former and proxy and former == proxy .. ' ' .. (ctime or '') then
  redis.call('HSET', KEYS[1], 'proxy_uuid', ARGV[1], 'incall', call and '1' or '', 'peer_name', '')
end
