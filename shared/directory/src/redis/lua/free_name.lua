-- KEYS: user. ARGV: handle, our proxy.
-- Deletes the record if it is that handle's and ours, also where a former owner's proxy has repeated
-- itself; answers 1 or 0.
local owner, proxy, ctime, former = unpack(redis.call('HMGET', KEYS[1],
  'sb_handle', 'proxy_uuid', 'ctime', 'sb_former'))
local repeated = former and proxy and former == proxy .. ' ' .. (ctime or '')
if owner ~= ARGV[1] or (proxy ~= ARGV[2] and not repeated) then
  return 0
end
return redis.call('DEL', KEYS[1])
