-- KEYS: user. ARGV: name, handle, edge, the handle it may be taken from (or '').
-- Answers {handle, edge} of somebody else who owns it, or nil when it was given.
local owner, edge = unpack(redis.call('HMGET', KEYS[1], 'sb_handle', 'sb_edge'))
if owner and owner ~= ARGV[2] and owner ~= ARGV[4] then
  return {owner, edge}
end
local time = redis.call('TIME')
local now = string.format('%s.%06d', time[1], time[2])
if owner ~= ARGV[2] then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'username', ARGV[1], 'incall', '', 'peer_name', '',
    'proxy_uuid', '', 'ctime', now, 'sb_handle', ARGV[2])
end
redis.call('HSET', KEYS[1], 'utime', now, 'sb_edge', ARGV[3])
return false
