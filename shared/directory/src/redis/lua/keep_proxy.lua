-- KEYS: proxy. ARGV: life in seconds, its api_base_url (none to leave it as it is).
if ARGV[2] then
  redis.call('HSET', KEYS[1], 'api_base_url', ARGV[2])
else
  redis.call('HSETNX', KEYS[1], 'api_base_url', '')
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
