-- The platform asked for silence: close the bucket until then, and refill it more slowly after.
-- KEYS  1 bucket   ARGV  1 seconds  2 factor for its pace  3 the slowest pace
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
settle(KEYS[1], now)
local had = redis.call('HMGET', KEYS[1], 'hold', 'pace')
local till = math.max(now + tonumber(ARGV[1]), tonumber(had[1]) or 0)
local pace = math.max(tonumber(ARGV[3]), (tonumber(had[2]) or 1) * tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'hold', string.format('%.6f', till), 'pace', tostring(pace),
  'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(till - now) + 3600)
return 1
