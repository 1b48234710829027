-- Take one token from every bucket, or none and say how long to wait.
-- KEYS  a bucket each (a hash: tokens, at, hold)
-- ARGV  for each: capacity, per_s, keep (tokens that must remain after this one)
-- Returns 0 when taken, else milliseconds until it is worth asking again
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local wait, levels = 0, {}
for i, key in ipairs(KEYS) do
  local capacity, per_s, keep = tonumber(ARGV[i*3-2]), tonumber(ARGV[i*3-1]), tonumber(ARGV[i*3])
  local had = redis.call('HMGET', key, 'tokens', 'at', 'hold')
  local tokens = math.min(capacity, (tonumber(had[1]) or capacity) + (now - (tonumber(had[2]) or now)) * per_s)
  levels[i] = tokens
  if had[3] and tonumber(had[3]) > now then wait = math.max(wait, tonumber(had[3]) - now) end
  if tokens < 1 + keep then wait = math.max(wait, (1 + keep - tokens) / per_s) end
end
if wait > 0 then return math.ceil(wait * 1000) end
for i, key in ipairs(KEYS) do
  redis.call('HSET', key, 'tokens', tostring(levels[i] - 1), 'at', string.format('%.6f', now))
  redis.call('EXPIRE', key, 3600)
end
return 0
