-- KEYS: backend.
-- Deletes the record if a connector of ours has announced it as its own; gives it back if it was
-- somebody else's before.
local theirs = redis.call('HGET', KEYS[1], 'sb_theirs')
if theirs then
  redis.call('HSET', KEYS[1], 'status', theirs)
  redis.call('HDEL', KEYS[1], 'sb_until', 'sb_theirs', 'sb_probe_ms')
elseif redis.call('HEXISTS', KEYS[1], 'sb_until') == 1 then
  redis.call('DEL', KEYS[1])
end
