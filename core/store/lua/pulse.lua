-- A test write. It also says whether the store's clock stepped back since the last one.
-- KEYS  1 the time of the last one, by any process   ARGV  1 ttl_s
-- Returns by how many milliseconds the clock stepped back, or 0
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local last = tonumber(redis.call('GET', KEYS[1])) or 0
redis.call('SET', KEYS[1], string.format('%.0f', now), 'EX', ARGV[1])
return math.max(0, last - now)
