-- KEYS: backend.
-- Deletes the record if a connector of ours announced it as its own. Restores a foreign record instead.
local foreign_status = redis.call('HGET', KEYS[1], 'sb_foreign_status')
if foreign_status then
  redis.call('HSET', KEYS[1], 'status', foreign_status)
  redis.call('HDEL', KEYS[1], 'sb_until', 'sb_foreign_status', 'sb_probe_ms', 'sb_health')
elseif redis.call('HEXISTS', KEYS[1], 'sb_until') == 1 then
  redis.call('DEL', KEYS[1])
end
