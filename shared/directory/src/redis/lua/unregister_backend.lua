-- KEYS: backend.
-- Deletes the record unless a connector of ours announces it as its own. Returns 1 or 0.
local expires_at = redis.call('HGET', KEYS[1], 'sb_until')
if expires_at then
  local time = redis.call('TIME')
  if tonumber(expires_at) > time[1] * 1000 + math.floor(time[2] / 1000) then
    return 0
  end
end
return redis.call('DEL', KEYS[1])
