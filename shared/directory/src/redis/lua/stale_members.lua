-- KEYS: a sorted set of timestamps. ARGV: milliseconds.
-- Returns the members whose timestamp is at least that old.
local time = redis.call('TIME')
local timestamp = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', timestamp))
