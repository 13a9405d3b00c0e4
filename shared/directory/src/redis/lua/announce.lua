-- KEYS: backend. ARGV: name, url, status, handles, life in milliseconds, location, isp, milliseconds
-- of a probe (empty for unknown).
-- What janus-cloud keeps and we do not know is left as it stands, or gets janus-cloud's default. A record
-- that somebody else has made under this name keeps its life, and gets its status back in the end.
local theirs = redis.call('HGET', KEYS[1], 'sb_theirs')
if not theirs and redis.call('HEXISTS', KEYS[1], 'sb_until') == 0 then
  theirs = redis.call('HGET', KEYS[1], 'status')
end
local time = redis.call('TIME')
local now = string.format('%s.%06d', time[1], time[2])
local till = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[5]
redis.call('HSET', KEYS[1], 'name', ARGV[1], 'url', ARGV[2], 'status', ARGV[3],
  'handle_num', ARGV[4], 'utime', now, 'sb_until', string.format('%.0f', till))
for field, value in pairs({location = ARGV[6], isp = ARGV[7]}) do
  if value ~= '' then
    redis.call('HSET', KEYS[1], field, value)
  end
end
if ARGV[8] ~= '' then
  redis.call('HSET', KEYS[1], 'sb_probe_ms', ARGV[8])
else
  redis.call('HDEL', KEYS[1], 'sb_probe_ms')
end
local defaults = {session_timeout = '60', session_num = '0', location = '', isp = '',
  start_time = now, ctime = now}
for field, value in pairs(defaults) do
  redis.call('HSETNX', KEYS[1], field, value)
end
if theirs then
  redis.call('HSET', KEYS[1], 'sb_theirs', theirs)
else
  redis.call('HSET', KEYS[1], 'expire', string.format('%.0f', math.ceil(ARGV[5] / 1000)))
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
