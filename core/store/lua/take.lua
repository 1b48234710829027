-- Take one token from every bucket, or none and say how long to wait. A token comes back
-- some seconds after it was taken, so a bucket is the list of when its tokens were taken.
-- KEYS  for each bucket: its list, newest first; a hash (hold, pace, final)
-- ARGV  1 by how much a call that is let pass quickens the pace
--       2 for how long a final text that must wait goes before previews (0: this is a preview)
--       then for each bucket: most, seconds, keep (tokens that must remain after this one)
-- Returns {milliseconds to wait (0: taken), the tokens left in each bucket (-1: closed)...}
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local first = tonumber(ARGV[2])
local wait, answer, paces = 0, {0}, {}
for i = 1, #KEYS / 2 do
  local most, seconds, keep = tonumber(ARGV[i*3]), tonumber(ARGV[i*3+1]), tonumber(ARGV[i*3+2])
  settle(KEYS[i*2], now)
  local had = redis.call('HMGET', KEYS[i*2], 'hold', 'pace', 'final')
  paces[i] = tonumber(had[2]) or 1
  most = math.max(1, math.floor(most * paces[i]))
  local taken = redis.call('LRANGE', KEYS[i*2-1], 0, most - 1)
  local free = most
  for at = 1, #taken do
    -- What was taken before the clock stepped back counts as taken now.
    if (tonumber(taken[at]) or 0) <= now + 1 then break end
    taken[at] = string.format('%.6f', now)
    redis.call('LSET', KEYS[i*2-1], at - 1, taken[at])
  end
  for at = 1, #taken do
    if (tonumber(taken[at]) or 0) <= now - seconds then break end
    free = free - 1
  end
  answer[i + 1] = free
  local hold = tonumber(had[1]) or 0
  local closed = hold
  if first == 0 then closed = math.max(hold, tonumber(had[3]) or 0) end
  if closed > now then
    wait = math.max(wait, closed - now)
    answer[i + 1] = -1
  end
  -- With fewer tokens than are to be kept, the last one is waited for.
  local needed = math.min(most, 1 + keep)
  if free < needed then
    wait = math.max(wait, (tonumber(taken[most - needed + 1]) or 0) + seconds - now)
    if first > 0 then
      redis.call('HSET', KEYS[i*2], 'final', string.format('%.6f', now + first),
        'at', string.format('%.6f', now))
      redis.call('EXPIRE', KEYS[i*2], math.ceil(math.max(0, hold - now)) + 3600)
    end
  end
end
if wait > 0 then
  answer[1] = math.ceil(wait * 1000)
  return answer
end
for i = 1, #KEYS / 2 do
  answer[i + 1] = answer[i + 1] - 1
  redis.call('LPUSH', KEYS[i*2-1], string.format('%.6f', now))
  redis.call('LTRIM', KEYS[i*2-1], 0, ARGV[i*3] - 1)
  redis.call('EXPIRE', KEYS[i*2-1], math.ceil(ARGV[i*3+1]) + 1)
  if paces[i] < 1 then
    redis.call('HSET', KEYS[i*2], 'pace', tostring(math.min(1, paces[i] + tonumber(ARGV[1]))))
  end
end
return answer
