-- KEYS: session. ARGV: edge, state, for how many milliseconds its client is gone (or ''), 'add' or
-- 'only', what its client has not heard.
-- Answers the edge that holds the session, or nil when there is none. Writes if it is that one.
local edge, grace, proof, previous, unheard, away =
  unpack(redis.call('HMGET', KEYS[1], 'edge', 'grace', 'proof', 'previous_edges', 'unheard', 'away'))
if edge ~= ARGV[1] then
  return edge
end
local fields = { 'state', ARGV[2] }
local function set(name, value)
  if value then
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
end
if unheard and ARGV[4] == 'only' then
  -- The whole record at once: what was unheard may be thousands of fields.
  redis.call('UNLINK', KEYS[1])
  set('edge', edge)
  set('grace', grace)
  set('proof', proof)
  set('previous_edges', previous)
elseif away and ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], 'away')
end
if ARGV[3] ~= '' then
  local time = redis.call('TIME')
  local moment = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[3]
  set('away', string.format('%.0f', math.max(moment, 0)))
end
redis.call('HSET', KEYS[1], unpack(fields))
for i = 5, #ARGV do
  local last = redis.call('HINCRBY', KEYS[1], 'unheard', 1)
  redis.call('HSET', KEYS[1], 'u:' .. last, ARGV[i])
end
return edge
