-- Renew the lease and, where given, keep how far the answer has come.
-- Refused (nil) unless the caller owns the entry and no later turn was begun.
-- KEYS  1 ready  2 state  3 the person's running  4 posts that somebody knows of
-- ARGV  1 group  2 worker  3 entry  4 fence  5 checkpoint (may be empty)  6 posts_ttl_s
--       7... posts that are new in it
-- Returns the event id whose answer is to stop, or an empty string
if not owned(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return nil end
if redis.call('HGET', KEYS[2], 'fence') ~= ARGV[4] then return nil end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
redis.call('ZADD', KEYS[3], 'XX', redis.call('TIME')[1], ARGV[3])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[2], 'checkpoint', ARGV[5]) end
for i = 7, #ARGV do redis.call('SADD', KEYS[4], ARGV[i]) end
if #ARGV > 6 then redis.call('EXPIRE', KEYS[4], ARGV[6]) end
return redis.call('HGET', KEYS[2], 'stop') or ''
