-- KEYS: session. ARGV: edge, state, milliseconds since its client disconnected (or ''), 'append' or
-- 'replace', address of its client (or ''), messages for the backlog.
-- Writes the session if that edge owns it. Returns the edge that owns it, or nil for no session.
local edge, grace, token_digest, previous, backlog, away, client = unpack(redis.call(
  'HMGET', KEYS[1], 'edge', 'grace', 'token_digest', 'previous_edges', 'backlog', 'away', 'client'))
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
if backlog and ARGV[4] == 'replace' then
  -- Deletes the whole record: the backlog may be thousands of fields.
  redis.call('UNLINK', KEYS[1])
  set('edge', edge)
  set('grace', grace)
  set('token_digest', token_digest)
  set('previous_edges', previous)
  set('client', ARGV[5] == '' and client)
elseif away and ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], 'away')
end
if ARGV[5] ~= '' then
  set('client', ARGV[5])
end
if ARGV[3] ~= '' then
  local time = redis.call('TIME')
  local timestamp = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[3]
  set('away', string.format('%.0f', math.max(timestamp, 0)))
end
redis.call('HSET', KEYS[1], unpack(fields))
for i = 6, #ARGV do
  local last = redis.call('HINCRBY', KEYS[1], 'backlog', 1)
  redis.call('HSET', KEYS[1], 'm:' .. last, ARGV[i])
end
return edge
