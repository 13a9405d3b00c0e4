-- Comes before the scripts about names. The record of a name: the handle that owns it, its call, whether
-- it is ours, and whether that is so although it says what a former owner's proxy has said before: one
-- that repeats itself has not taken the name.
local function name(key, our_proxy)
  local owner, call, proxy, ctime, former = unpack(redis.call('HMGET', key,
    'sb_handle', 'sb_call', 'proxy_uuid', 'ctime', 'sb_former'))
  local repeats = former and proxy and former == proxy .. ' ' .. (ctime or '')
  return owner, call, proxy == our_proxy or repeats, repeats
end

