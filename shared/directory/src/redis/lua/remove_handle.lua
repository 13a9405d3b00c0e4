-- KEYS: handle.
-- Answers what its record said.
local record = redis.call('HMGET', KEYS[1], 'edge', 'username', 'call')
redis.call('DEL', KEYS[1])
return record
