-- KEYS: backend.
-- Deletes the record if a connector of ours has announced it as its own.
if redis.call('HEXISTS', KEYS[1], 'sb_until') == 1 then
  redis.call('DEL', KEYS[1])
end
