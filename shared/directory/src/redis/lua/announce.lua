-- KEYS: backend. ARGV: name, url, status, handles, life in milliseconds, location, isp.
-- What janus-cloud keeps and we do not know is left as it stands, or gets janus-cloud's default.
local time = redis.call('TIME')
local now = string.format('%s.%06d', time[1], time[2])
local till = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[5]
redis.call('HSET', KEYS[1], 'name', ARGV[1], 'url', ARGV[2], 'status', ARGV[3],
  'handle_num', ARGV[4], 'expire', string.format('%.0f', math.ceil(ARGV[5] / 1000)), 'utime', now,
  'sb_until', string.format('%.0f', till))
for field, value in pairs({location = ARGV[6], isp = ARGV[7]}) do
  if value ~= '' then
    redis.call('HSET', KEYS[1], field, value)
  end
end
local defaults = {session_timeout = '60', session_num = '0', location = '', isp = '',
  start_time = now, ctime = now}
for field, value in pairs(defaults) do
  redis.call('HSETNX', KEYS[1], field, value)
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
