-- Erase a person's exchanges among some of a history, and what else names the person. From the
-- newest to the oldest, counted from the end: others may drop the oldest meanwhile.
-- A summary is of everybody's words, so it goes too; it is made anew of what is left.
-- KEYS  1 history  2 the conversation's state  3 the state of the person's lane  4 ratings
--       5 speakers
-- ARGV  1 `"person":ID,` as the exchanges have it  2 the person's id  3 where to begin (-1: the newest)  4 how many
-- Returns {exchanges erased, other entries erased, where to go on; 0: that was all}
right_types({'LLEN', 'HLEN', 'HLEN', 'HLEN', 'HLEN'})
local erased, others = 0, redis.call('HDEL', KEYS[5], ARGV[2])
if redis.call('EXISTS', KEYS[3]) == 1 then
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[3], 'erased', time[1] + time[2] / 1e6)
end
local at = tonumber(ARGV[3])
local some = redis.call('LRANGE', KEYS[1], at - tonumber(ARGV[4]) + 1, at)
for _, one in ipairs(some) do
  -- Quotes inside a JSON string are escaped, so this can only be the field.
  if string.find(one, ARGV[1], 1, true) then
    erased = erased + redis.call('LREM', KEYS[1], 1, one)
    local event = read(one).event_id
    if type(event) == 'string' then others = others + redis.call('HDEL', KEYS[4], event) end
  end
end
if erased > 0 then
  others = others + redis.call('HDEL', KEYS[2], 'summary')
  add('HINCRBY', KEYS[2], 'forgotten', 1)
end
return {erased, others, #some < tonumber(ARGV[4]) and 0 or at - #some + erased}
