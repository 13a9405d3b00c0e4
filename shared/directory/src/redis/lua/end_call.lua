-- KEYS: call. ARGV: the letter to its sides, or '1'; the token of who ends it, none where everybody may.
-- From here on the call takes no handle. Of two letters the first counts. Answers {1, record}, {1, nil} when there is no such call, or
-- {0, nil} when a later holder of the lease has it.
local record, term = unpack(redis.call('HMGET', KEYS[1], 'record', 'term'))
if term and ARGV[2] and tonumber(term) > tonumber(ARGV[2]) then
  return {0, false}
end
if record then
  redis.call('HSETNX', KEYS[1], 'ended', ARGV[1])
end
return {1, record}
