-- KEYS: session. ARGV: the edge it is taken from, the edge that takes it, how many former ones to remember.
-- Answers what was written down of it, or nil when the first does not hold it. Its client counts as away
-- from now on, until the new edge says otherwise: that may never have heard the answer.
if redis.call('HGET', KEYS[1], 'edge') ~= ARGV[1] then
  return false
end
if ARGV[1] ~= ARGV[2] then
  local previous = ARGV[1]
  local count = 1
  for former in string.gmatch(redis.call('HGET', KEYS[1], 'previous_edges') or '', '%S+') do
    if count < tonumber(ARGV[3]) and former ~= ARGV[1] and former ~= ARGV[2] then
      previous = previous .. ' ' .. former
      count = count + 1
    end
  end
  redis.call('HSET', KEYS[1], 'previous_edges', previous)
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'edge', ARGV[2], 'away', string.format('%.0f', now))
return redis.call('HGETALL', KEYS[1])
