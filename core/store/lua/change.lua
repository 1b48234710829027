-- Change a field of a hash, if it still holds what the caller has seen there.
-- KEYS  1 the hash
-- ARGV  1 the field  2 what it must hold (empty: nothing)  3 its new value (empty: none)
--       4 how many fields there may be (empty: any number)  then other fields and their values
-- Returns 1: done, 0: it holds something else, -1: there are too many
right_types({'HLEN'})
local held = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if held ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  if held == '' and ARGV[4] ~= '' and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then
    return -1
  end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
for i = 5, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
