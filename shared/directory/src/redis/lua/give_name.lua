-- KEYS: user. ARGV: name, handle, edge, the handle it may be taken from (or ''), our proxy.
-- Answers {handle, edge} of somebody else of ours who owns it, or who has not been told that a peer
-- has it now; or nil when it was given.
local owner, edge, proxy, ctime, former = unpack(redis.call('HMGET', KEYS[1],
  'sb_handle', 'sb_edge', 'proxy_uuid', 'ctime', 'sb_former'))
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
    former = proxy .. ' ' .. (ctime or '')
  end
  if former then
    redis.call('HSET', KEYS[1], 'sb_former', former)
  end
end
redis.call('HSET', KEYS[1], 'utime', now, 'sb_edge', ARGV[3])
return false
