-- Prepended to the scripts about names. Reads a name's record. Returns the handle that owns the name, its call,
-- whether the name is local, and whether the record repeats what its previous proxy wrote. A proxy that only
-- repeats its fields has not taken the name, so the name is local.
local function name(key, our_proxy)
  local owner, call, proxy, ctime, previous_proxy = unpack(redis.call('HMGET', key,
    'sb_handle', 'sb_call', 'proxy_uuid', 'ctime', 'sb_previous_proxy'))
  local repeats = previous_proxy and proxy and previous_proxy == proxy .. ' ' .. (ctime or '')
  return owner, call, proxy == our_proxy or repeats, repeats
end

