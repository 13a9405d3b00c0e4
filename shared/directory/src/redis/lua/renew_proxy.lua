-- KEYS: proxy. ARGV: TTL in seconds, api_base_url (absent to keep the stored one).
if ARGV[2] then
  redis.call('HSET', KEYS[1], 'api_base_url', ARGV[2])
else
  redis.call('HSETNX', KEYS[1], 'api_base_url', '')
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
