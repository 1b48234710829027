-- Keep a new reminder, once: a turn that is done again gets the same one.
-- Invariant: a reminder stands in all four places, or in none.
-- KEYS  1 due  2 reminders  3 the person's, by number  4 the place's
-- ARGV  1 id  2 reminder (JSON)  3 due_ms  4 most of the person  5 most of the place  6 channel
-- Returns its number, or 0: the person has too many, or -1: the place has
right_types({'ZCARD', 'HLEN', 'HLEN', 'SCARD'})
local mine = redis.call('HGETALL', KEYS[3])
for i = 2, #mine, 2 do
  if mine[i] == ARGV[1] then return tonumber(mine[i - 1]) end
end
if #mine / 2 >= tonumber(ARGV[4]) then return 0 end
if redis.call('SCARD', KEYS[4]) >= tonumber(ARGV[5]) then return -1 end
local number = 1
while redis.call('HEXISTS', KEYS[3], number) == 1 do number = number + 1 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[3], number, ARGV[1])
redis.call('SADD', KEYS[4], ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
redis.call('PUBLISH', ARGV[6], '1')
return number
