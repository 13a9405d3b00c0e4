-- KEYS: call. ARGV: token, state, record (only to restore a call that may be lost).
-- Returns 1, or 0 for a call that is lost or has ended, or that a later holder of the lease wrote.
local record, ended, term = unpack(redis.call('HMGET', KEYS[1], 'record', 'ended', 'term'))
record = record or ARGV[3]
if not record or ended or tonumber(term or 0) > tonumber(ARGV[1]) then
  return 0
end
redis.call('HSET', KEYS[1], 'record', record, 'state', ARGV[2], 'term', ARGV[1])
return 1
