-- KEYS: a sorted set. ARGV: member, milliseconds from now.
-- Sets the member's score to that moment by Redis' clock; answers 1 for a new member, 0 for others.
local time = redis.call('TIME')
local moment = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2]
return redis.call('ZADD', KEYS[1], string.format('%.0f', moment), ARGV[1])
