-- Take away what a model proposed to remember, if it is still there: keep it as a fact, or drop it.
-- KEYS  1 memory   ARGV  1 its number  2 keep it (1 or 0)  3 ttl_s
-- Returns 1, or 0: it was cleared meanwhile, or another proposal is there
right_types({'HLEN'})
local fact = 'fact:' .. ARGV[1]
if redis.call('HEXISTS', KEYS[1], fact) == 1 then return 1 end
local maybe = redis.call('HGET', KEYS[1], 'maybe')
if read(maybe).number ~= tonumber(ARGV[1]) then return 0 end
redis.call('HDEL', KEYS[1], 'maybe')
if ARGV[2] == '1' then redis.call('HSET', KEYS[1], fact, maybe) end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
