-- KEYS: session. ARGV: the edge it is taken from, the edge that takes it.
-- Answers what was written down of it, or nil when the first does not hold it. Its client counts as away
-- from now on, until the new edge says otherwise: that may never have heard the answer.
if redis.call('HGET', KEYS[1], 'edge') ~= ARGV[1] then
  return false
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'edge', ARGV[2], 'away', string.format('%.0f', now))
return redis.call('HGETALL', KEYS[1])
