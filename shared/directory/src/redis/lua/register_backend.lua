-- KEYS: backend. ARGV: name, url, status, the default TTL in seconds, further fields and their values.
local time = redis.call('TIME')
local now = string.format('%s.%06d', time[1], time[2])
redis.call('HSET', KEYS[1], 'name', ARGV[1], 'url', ARGV[2], 'status', ARGV[3], 'utime', now)
for i = 5, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
local defaults = {session_timeout = '0', session_num = '0', handle_num = '0', location = '', isp = '',
  expire = ARGV[4], start_time = '0.0', ctime = now}
for field, value in pairs(defaults) do
  redis.call('HSETNX', KEYS[1], field, value)
end
local ttl = tonumber(redis.call('HGET', KEYS[1], 'expire')) or tonumber(ARGV[4])
if ttl > 0 then
  redis.call('EXPIRE', KEYS[1], string.format('%.0f', ttl))
else
  redis.call('PERSIST', KEYS[1])
end
