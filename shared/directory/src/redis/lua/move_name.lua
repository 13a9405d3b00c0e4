-- KEYS: user. ARGV: handle, edge, our proxy.
-- Sets the name's edge, if the name is local and that handle owns it.
local owner, _, is_local = name(KEYS[1], ARGV[3])
if owner == ARGV[1] and is_local then
  redis.call('HSET', KEYS[1], 'sb_edge', ARGV[2])
end
