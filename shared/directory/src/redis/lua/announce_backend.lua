-- KEYS: backend. ARGV: name, url, status, handles, TTL in milliseconds, location, isp, response time of a
-- probe in milliseconds (empty for unknown), health in JSON.
-- Fields of janus-cloud that we do not know keep their values, or get janus-cloud's defaults. A foreign
-- record under this name keeps its TTL, and gets its status back in the end.
local foreign_status = redis.call('HGET', KEYS[1], 'sb_foreign_status')
if not foreign_status and redis.call('HEXISTS', KEYS[1], 'sb_until') == 0 then
  foreign_status = redis.call('HGET', KEYS[1], 'status')
end
local time = redis.call('TIME')
local now = string.format('%s.%06d', time[1], time[2])
local expires_at = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[5]
redis.call('HSET', KEYS[1], 'name', ARGV[1], 'url', ARGV[2], 'status', ARGV[3],
  'handle_num', ARGV[4], 'utime', now, 'sb_until', string.format('%.0f', expires_at))
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
redis.call('HSET', KEYS[1], 'sb_health', ARGV[9])
local defaults = {session_timeout = '60', session_num = '0', location = '', isp = '',
  start_time = now, ctime = now}
for field, value in pairs(defaults) do
  redis.call('HSETNX', KEYS[1], field, value)
end
if foreign_status then
  redis.call('HSET', KEYS[1], 'sb_foreign_status', foreign_status)
else
  redis.call('HSET', KEYS[1], 'expire', string.format('%.0f', math.ceil(ARGV[5] / 1000)))
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
