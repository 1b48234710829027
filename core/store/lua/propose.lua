-- Keep what a model proposes to remember of a person, unless the person's list was cleared or
-- switched since the model was asked.
-- KEYS  1 memory
-- ARGV  1 how often the list had been cleared or switched  2 text (JSON)  3 when  4 ttl_s
-- Returns the number of the proposal, or 0
right_types({'HLEN'})
if (redis.call('HGET', KEYS[1], 'cleared') or '0') ~= ARGV[1] then return 0 end
if redis.call('HEXISTS', KEYS[1], 'off') == 1 then return 0 end
local number = add('HINCRBY', KEYS[1], 'next', 1)
local fact = '{"number":' .. number .. ',"text":' .. ARGV[2] .. ',"at":' .. ARGV[3] .. '}'
redis.call('HSET', KEYS[1], 'maybe', fact)
redis.call('EXPIRE', KEYS[1], ARGV[4])
return number
