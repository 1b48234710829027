-- End a turn by moving its lane to the conversation that its own became. The lane with the news of
-- the move goes first, and takes history and preferences along. The other lanes follow later.
-- Refused (nil) unless the caller owns the entry and no later turn was begun.
-- KEYS  1 stream  2 mail  3 the lane's state  4 history  5 the conversation's state  6 ready
--       7 lanes  8 the person's running  9 the person's parked  10 the place's running
--       11 the place's parked
--       12 mail of the lane that it becomes, 13 state and 14 history of its conversation
--       15 holds  16 the state of the lane that it becomes  17... what the hold names
-- ARGV  1 group  2 worker  3 entry  4 fence  5 the conversation it becomes  6 the lane it becomes
--       7 ttl_s  8 person  9 mails with the news of the move (0 or 1)
--       10 its slot  11 lane
-- Returns how much mail was moved
if not owned(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return nil end
if redis.call('HGET', KEYS[3], 'fence') ~= ARGV[4] then return nil end
give_back(KEYS[15], ARGV[11])
redis.call('LTRIM', KEYS[2], ARGV[9], -1)
local exchanges = redis.call('LRANGE', KEYS[4], 0, -1)
for i = #exchanges, 1, -1 do redis.call('LPUSH', KEYS[14], exchanges[i]) end
if #exchanges > 0 then redis.call('EXPIRE', KEYS[14], ARGV[7]) end
for _, field in ipairs({'preferences', 'summary', 'asked'}) do
  local value = redis.call('HGET', KEYS[5], field)
  if value then redis.call('HSETNX', KEYS[13], field, value) end
end
redis.call('EXPIRE', KEYS[13], ARGV[7])
local mails = redis.call('LRANGE', KEYS[2], 0, -1)
for _, one in ipairs(mails) do
  -- Quotes inside a JSON string are escaped, so this can only be the field.
  local moved = string.gsub(one, '"conversation":"[^"]*"', '"conversation":"' .. ARGV[5] .. '"', 1)
  if redis.call('RPUSH', KEYS[12], moved) == 1 then
    make_ready(KEYS[6], KEYS[7], ARGV[6], sender_of(one))
  end
end
-- What was done for this question stays done.
for _, field in ipairs(redis.call('HKEYS', KEYS[3])) do
  if is_record(field) then
    redis.call('HSETNX', KEYS[16], field, redis.call('HGET', KEYS[3], field))
  end
end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
redis.call('HDEL', KEYS[5], 'preferences', 'summary')
redis.call('HSET', KEYS[5], 'moved', ARGV[5])
redis.call('EXPIRE', KEYS[5], ARGV[7])
let_go(KEYS[1], ARGV[1], ARGV[3])
for share = 8, 10, 2 do
  give_slot(KEYS[6], KEYS[7], KEYS[share], KEYS[share + 1], ARGV[10], ARGV[8])
end
return #mails
