-- Erase what a conversation keeps of people's words. An answer that is being written there, to a
-- question of before, will not enter history (`commit.lua`).
-- KEYS  1 history  2 the conversation's state  3 ratings  4 speakers
-- ARGV  1 also what was chosen there (1 or 0)
-- Returns {how many exchanges there were, how many other entries}
right_types({'LLEN', 'HLEN', 'HLEN', 'HLEN'})
local exchanges = redis.call('LLEN', KEYS[1])
local others = redis.call('HLEN', KEYS[3]) + redis.call('HLEN', KEYS[4])
others = others + redis.call('HDEL', KEYS[2], 'summary')
redis.call('DEL', KEYS[1], KEYS[3], KEYS[4])
-- A thread is followed if it has a state, so none is made here.
if redis.call('EXISTS', KEYS[2]) == 1 then
  if ARGV[1] == '1' then others = others + redis.call('HDEL', KEYS[2], 'preferences') end
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[2], 'erased', time[1] + time[2] / 1e6)
  add('HINCRBY', KEYS[2], 'forgotten', 1)
end
return {exchanges, others}
