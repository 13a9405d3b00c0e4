-- KEYS: connector record. ARGV: token, text, TTL in milliseconds.
-- Returns 1, or 0 when a later holder of the lease has stored a record.
local term = redis.call('HGET', KEYS[1], 'term')
if tonumber(term or 0) > tonumber(ARGV[1]) then
  return 0
end
redis.call('HSET', KEYS[1], 'term', ARGV[1], 'record', ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
