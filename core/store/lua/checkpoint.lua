-- Renew the lease. If a checkpoint is given, save it.
-- Refused (nil) unless the caller owns the entry and its turn is the current one.
-- KEYS  1 stream  2 the lane's state  3 the conversation's state  4 the person's running
--       5 the place's running  6 posts that somebody knows of
-- ARGV  1 group  2 worker  3 entry  4 fence  5 checkpoint (may be empty)  6 posts_ttl_s
--       7 its slot among those running  8... posts that are new in it
-- Returns the event id of the answer that must stop, `*` for any answer, or an empty string
if not owned(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return nil end
if not current(KEYS[2], ARGV[4], KEYS[3]) then return nil end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
local now = redis.call('TIME')[1]
redis.call('ZADD', KEYS[4], 'XX', now, ARGV[7])
redis.call('ZADD', KEYS[5], 'XX', now, ARGV[7])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[2], 'checkpoint', ARGV[5]) end
for i = 8, #ARGV do redis.call('SADD', KEYS[6], ARGV[i]) end
if #ARGV > 7 then redis.call('EXPIRE', KEYS[6], ARGV[6]) end
local had = redis.call('HMGET', KEYS[2], 'stop', 'began')
if had[1] then return had[1] end
local stopped = redis.call('HGET', KEYS[3], 'stopped')
if stopped and had[2] and tonumber(stopped) >= tonumber(had[2]) then return '*' end
return ''
