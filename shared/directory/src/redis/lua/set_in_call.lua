-- KEYS: user. ARGV: handle, call, name of the peer, our proxy, now.
-- Stores that the name is in a call, if the handle owns it and it is in none. Returns 1 if it is stored, 0 if
-- not, -1 for a foreign name.
local owner, call, is_local = name(KEYS[1], ARGV[4])
if not is_local then
  return -redis.call('EXISTS', KEYS[1])
end
if owner ~= ARGV[1] or call then
  return 0
end
redis.call('HSET', KEYS[1], 'proxy_uuid', ARGV[4], 'incall', '1', 'peer_name', ARGV[3], 'sb_call', ARGV[2],
  'utime', ARGV[5])
return 1
