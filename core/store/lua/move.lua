-- End a turn by moving its conversation: mail, history and preferences go to another one.
-- Refused (nil) unless the caller owns the entry and no later turn was begun.
-- KEYS  1 ready  2 mail  3 state  4 history  5 the person's running  6 the person's parked
--       7 mail, 8 state, 9 history of the conversation it becomes
-- ARGV  1 group  2 worker  3 entry  4 fence  5 the conversation it becomes  6 ttl_s  7 person
-- Returns how much mail went along
if not owned(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return nil end
if redis.call('HGET', KEYS[3], 'fence') ~= ARGV[4] then return nil end
redis.call('LPOP', KEYS[2])
local exchanges = redis.call('LRANGE', KEYS[4], 0, -1)
for i = #exchanges, 1, -1 do redis.call('LPUSH', KEYS[9], exchanges[i]) end
if #exchanges > 0 then redis.call('EXPIRE', KEYS[9], ARGV[6]) end
for _, field in ipairs({'preferences', 'summary'}) do
  local value = redis.call('HGET', KEYS[3], field)
  if value then redis.call('HSETNX', KEYS[8], field, value) end
end
redis.call('EXPIRE', KEYS[8], ARGV[6])
local mails = redis.call('LRANGE', KEYS[2], 0, -1)
for _, one in ipairs(mails) do
  -- Inside a JSON string its quotes are escaped, so that this is the field.
  local moved = string.gsub(one, '"conversation":"[^"]*"', '"conversation":"' .. ARGV[5] .. '"', 1)
  if redis.call('RPUSH', KEYS[7], moved) == 1 then
    make_ready(KEYS[1], ARGV[5], sender_of(one))
  end
end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
let_go(KEYS[1], ARGV[1], ARGV[3], KEYS[5], KEYS[6], ARGV[7])
return #mails
