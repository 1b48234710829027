-- The platform asked for silence: empty the bucket and close it until then.
-- KEYS  1 bucket   ARGV  1 seconds
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local till = math.max(now + tonumber(ARGV[1]), tonumber(redis.call('HGET', KEYS[1], 'hold') or 0))
redis.call('HSET', KEYS[1], 'hold', string.format('%.6f', till))
redis.call('EXPIRE', KEYS[1], math.ceil(till - now) + 3600)
return 1
