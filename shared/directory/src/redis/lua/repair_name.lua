-- KEYS: user. ARGV: our proxy.
-- Writes our proxy into a local name's record that repeats what its previous proxy wrote.
local _, call, _, repeats = name(KEYS[1], ARGV[1])
if repeats then
  redis.call('HSET', KEYS[1], 'proxy_uuid', ARGV[1], 'incall', call and '1' or '', 'peer_name', '')
end
