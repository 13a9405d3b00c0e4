-- KEYS: handle.
-- Deletes the handle's record and returns it.
local record = redis.call('HMGET', KEYS[1], 'edge', 'username', 'call')
redis.call('DEL', KEYS[1])
return record
