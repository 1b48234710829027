-- Keep a summary. Refused if an exchange left history after the summary was begun, if the
-- conversation moved, or if a summary of more is there.
-- KEYS  1 the conversation's state
-- ARGV  1 summary (JSON)  2 how often exchanges had left history  3 ttl_s
-- Returns 1, or 0: nothing was written
if redis.call('HEXISTS', KEYS[1], 'moved') == 1 then return 0 end
if (redis.call('HGET', KEYS[1], 'forgotten') or '0') ~= ARGV[2] then return 0 end
local had = read(redis.call('HGET', KEYS[1], 'summary'))
if cjson.decode(ARGV[1])['until'] <= number(had['until']) then return 0 end
redis.call('HSET', KEYS[1], 'summary', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
