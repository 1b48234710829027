-- Take one token from every bucket, or none and say how long to wait.
-- KEYS  a bucket each (a hash: tokens, at, hold, pace)
-- ARGV  1 by how much a call that is let pass quickens the refill; then for each bucket:
--       capacity, per_s, keep (tokens that must remain after this one)
-- Returns {milliseconds to wait (0: taken), thousandths of tokens in each bucket (-1000: held)}
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local wait, levels, paces, answer = 0, {}, {}, {}
for i, key in ipairs(KEYS) do
  local capacity, per_s, keep = tonumber(ARGV[i*3-1]), tonumber(ARGV[i*3]), tonumber(ARGV[i*3+1])
  local had = redis.call('HMGET', key, 'tokens', 'at', 'hold', 'pace')
  paces[i] = tonumber(had[4]) or 1
  per_s = per_s * paces[i]
  local tokens = math.min(capacity, (tonumber(had[1]) or capacity) + (now - (tonumber(had[2]) or now)) * per_s)
  levels[i] = tokens
  answer[i + 1] = math.floor(tokens * 1000)
  if had[3] and tonumber(had[3]) > now then
    wait = math.max(wait, tonumber(had[3]) - now)
    answer[i + 1] = -1000
  end
  if tokens < 1 + keep then wait = math.max(wait, (1 + keep - tokens) / per_s) end
end
answer[1] = math.ceil(wait * 1000)
if wait > 0 then return answer end
for i, key in ipairs(KEYS) do
  answer[i + 1] = answer[i + 1] - 1000
  redis.call('HSET', key, 'tokens', tostring(levels[i] - 1), 'at', string.format('%.6f', now),
    'pace', tostring(math.min(1, paces[i] + tonumber(ARGV[1]))))
  redis.call('EXPIRE', key, 3600)
end
return answer
