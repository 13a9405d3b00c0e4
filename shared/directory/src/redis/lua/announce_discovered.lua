-- KEYS: served. ARGV: url, status, handles, TTL in milliseconds, response time of a probe in milliseconds
-- (empty for unknown), health in JSON.
redis.call('HSET', KEYS[1], 'url', ARGV[1], 'status', ARGV[2], 'handle_num', ARGV[3],
  'probe_ms', ARGV[5], 'health', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
