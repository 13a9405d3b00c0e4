-- KEYS: a hash. ARGV: field, value.
-- Deletes the key if the field has the value. Returns 1 or 0.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
return redis.call('DEL', KEYS[1])
