-- KEYS: a sorted set of heartbeats. ARGV: member; optionally, after how many milliseconds other members end.
-- Sets the member's score to Redis' clock. Returns the milliseconds since its previous heartbeat, nil for none.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local previous = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
if ARGV[2] then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[2]))
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return previous and math.max(now - previous, 0)
