-- Keep what a callback tells, once, and wake who waits for it.
-- KEYS  1 the callback (empty: open)   ARGV  1 what it tells  2 ttl_s
-- Returns 1 when kept, 0 when it was told before, -1 when nobody asked for it
local kept = redis.call('GET', KEYS[1])
if not kept then return -1 end
if kept ~= '' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('PUBLISH', KEYS[1], '1')
return 1
