-- KEYS: backend.
-- Deletes the record unless a connector of ours announces it as its own; answers 1 or 0.
local till = redis.call('HGET', KEYS[1], 'sb_until')
if till then
  local time = redis.call('TIME')
  if tonumber(till) > time[1] * 1000 + math.floor(time[2] / 1000) then
    return 0
  end
end
return redis.call('DEL', KEYS[1])
