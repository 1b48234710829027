-- Keep the message of a callback, once, and wake the turn that waits for it.
-- KEYS  1 the callback (empty: open)   ARGV  1 the message  2 ttl_s
-- Returns 1 if kept, 0 if there was a message before, -1 if nobody asked for one
local kept = redis.call('GET', KEYS[1])
if not kept then return -1 end
if kept ~= '' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('PUBLISH', KEYS[1], '1')
return 1
