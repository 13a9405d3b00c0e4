-- KEYS: handle. ARGV: edge.
-- The handle is at that edge if it has a record; answers 1 or 0.
local moved = redis.call('HEXISTS', KEYS[1], 'edge')
if moved == 1 then
  redis.call('HSET', KEYS[1], 'edge', ARGV[1])
end
return moved
