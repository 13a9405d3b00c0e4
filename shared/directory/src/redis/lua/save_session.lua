-- KEYS: session. ARGV: edge, state, for how many milliseconds its client is gone (or ''), 'add' or
-- 'only', what its client has not heard.
-- Answers the edge that holds the session, or nil when there is none. Writes if it is that one.
local edge, grace, proof, formers = unpack(redis.call('HMGET', KEYS[1], 'edge', 'grace', 'proof', 'formers'))
if edge ~= ARGV[1] then
  return edge
end
if ARGV[4] == 'only' then
  -- The whole record at once: what was unheard may be thousands of fields.
  redis.call('UNLINK', KEYS[1])
  redis.call('HSET', KEYS[1], 'edge', edge, 'grace', grace)
  if proof then
    redis.call('HSET', KEYS[1], 'proof', proof)
  end
  if formers then
    redis.call('HSET', KEYS[1], 'formers', formers)
  end
end
redis.call('HSET', KEYS[1], 'state', ARGV[2])
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], 'away')
else
  local time = redis.call('TIME')
  local moment = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[3]
  redis.call('HSET', KEYS[1], 'away', string.format('%.0f', math.max(moment, 0)))
end
for i = 5, #ARGV do
  local last = redis.call('HINCRBY', KEYS[1], 'unheard', 1)
  redis.call('HSET', KEYS[1], 'u:' .. last, ARGV[i])
end
return edge
