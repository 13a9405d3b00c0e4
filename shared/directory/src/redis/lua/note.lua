-- KEYS: note. ARGV: token, text, life in milliseconds.
-- Answers 1, or 0 when a later holder of the lease has noted something.
local term = redis.call('HGET', KEYS[1], 'term')
if tonumber(term or 0) > tonumber(ARGV[1]) then
  return 0
end
redis.call('HSET', KEYS[1], 'term', ARGV[1], 'note', ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
