-- KEYS: lease, fence (same slot). ARGV: holder, TTL in milliseconds, TTL of the fence in seconds.
-- Returns the holder's token, or nil while another service holds the lease.
local holder, token = unpack(redis.call('HMGET', KEYS[1], 'holder', 'token'))
if holder and holder ~= ARGV[1] then
  return false
end
if not holder then
  -- At least the clock: tokens keep growing after a restart that lost the fence.
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local last = tonumber(redis.call('GET', KEYS[2]) or 0)
  token = string.format('%.0f', math.max(last + 1, now))
  redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', token)
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], token, 'EX', ARGV[3])
return token
