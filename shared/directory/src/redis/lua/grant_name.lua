-- KEYS: user. ARGV: name, handle, edge, the handle it may be taken from (or ''), our proxy.
-- Returns nil when the handle owns the name now. Else returns {handle, edge} of the other local owner, or of
-- the displaced handle that has not been notified yet.
local owner, edge, proxy, ctime, previous_proxy = unpack(redis.call('HMGET', KEYS[1],
  'sb_handle', 'sb_edge', 'proxy_uuid', 'ctime', 'sb_previous_proxy'))
if owner and owner ~= ARGV[2] and owner ~= ARGV[4] then
  return {owner, edge}
end
local time = redis.call('TIME')
local now = string.format('%s.%06d', time[1], time[2])
if owner ~= ARGV[2] or proxy ~= ARGV[5] then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'username', ARGV[1], 'incall', '', 'peer_name', '',
    'proxy_uuid', ARGV[5], 'ctime', now, 'sb_handle', ARGV[2])
  if proxy and proxy ~= ARGV[5] then
    previous_proxy = proxy .. ' ' .. (ctime or '')
  end
  if previous_proxy then
    redis.call('HSET', KEYS[1], 'sb_previous_proxy', previous_proxy)
  end
end
redis.call('HSET', KEYS[1], 'utime', now, 'sb_edge', ARGV[3])
return false
