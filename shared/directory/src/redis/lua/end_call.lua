-- KEYS: call.
-- From here on the call takes no handle. Answers its record, or nil when there is none.
local record = redis.call('HGET', KEYS[1], 'record')
if record then
  redis.call('HSET', KEYS[1], 'ended', '1')
end
return record
