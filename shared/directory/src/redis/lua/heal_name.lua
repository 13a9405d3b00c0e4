-- KEYS: user. ARGV: our proxy.
-- A record that says what a former owner's proxy has said before is ours still: so it is written.
local _, call, _, repeats = name(KEYS[1], ARGV[1])
if repeats then
  redis.call('HSET', KEYS[1], 'proxy_uuid', ARGV[1], 'incall', call and '1' or '', 'peer_name', '')
end
