-- KEYS: a sorted set of timestamps. ARGV: member, milliseconds from now.
-- Sets the member's score to that time by Redis' clock. Returns 1 for a new member, 0 for others.
local time = redis.call('TIME')
local timestamp = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2]
return redis.call('ZADD', KEYS[1], string.format('%.0f', timestamp), ARGV[1])
