-- KEYS: session. ARGV: the edge to take it from, the edge that takes it, how many previous edges to store.
-- Returns the record, or nil when the first edge does not own the session. The client counts as disconnected
-- from now on, until the new edge saves the session: that edge may never get this reply.
if redis.call('HGET', KEYS[1], 'edge') ~= ARGV[1] then
  return false
end
if ARGV[1] ~= ARGV[2] then
  local previous = ARGV[1]
  local count = 1
  for edge in string.gmatch(redis.call('HGET', KEYS[1], 'previous_edges') or '', '%S+') do
    if count < tonumber(ARGV[3]) and edge ~= ARGV[1] and edge ~= ARGV[2] then
      previous = previous .. ' ' .. edge
      count = count + 1
    end
  end
  redis.call('HSET', KEYS[1], 'previous_edges', previous)
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'edge', ARGV[2], 'away', string.format('%.0f', now))
return redis.call('HGETALL', KEYS[1])
