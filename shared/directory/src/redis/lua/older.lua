-- KEYS: a sorted set of moments. ARGV: milliseconds.
-- Answers the members whose moment is at least so long ago.
local time = redis.call('TIME')
local moment = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', moment))
