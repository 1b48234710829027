-- Renew the lease. If a checkpoint is given, save it.
-- Refused (nil) unless the entry is still there and the caller's turn is the current one: whoever
-- took the entry over, but has not begun a turn, does not begin one.
-- KEYS  1 stream  2 the lane's state  3 the conversation's state  4 the person's running
--       5 the place's running  6 posts that somebody knows of  7 for whom posts were made
-- ARGV  1 group  2 worker  3 entry  4 fence  5 checkpoint (may be empty)  6 posts_ttl_s
--       7 its slot among those running, if that is to be renewed too (else empty)
--       8 for whom it runs, in a group (else empty)  9 askers_ttl_s
--       10... posts that are new in it
-- Returns {the event id of the answer that must stop, `*` for any, or an empty string, how much
-- mail has come since the turn began}
-- In private both states are the same.
local lane = redis.call('HMGET', KEYS[2], 'fence', 'stop', 'began', 'moved', 'stopped', 'more')
local moved, stopped = lane[4], lane[5]
if KEYS[3] ~= KEYS[2] then
  moved, stopped = unpack(redis.call('HMGET', KEYS[3], 'moved', 'stopped'))
end
if lane[1] ~= ARGV[4] or moved then return nil end
if #redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID') == 0 then return nil end
if ARGV[7] ~= '' then
  local now = redis.call('TIME')[1]
  redis.call('ZADD', KEYS[4], 'XX', now, ARGV[7])
  redis.call('ZADD', KEYS[5], 'XX', now, ARGV[7])
end
if ARGV[5] ~= '' then redis.call('HSET', KEYS[2], 'checkpoint', ARGV[5]) end
for i = 10, #ARGV do redis.call('SADD', KEYS[6], ARGV[i]) end
if #ARGV > 9 then redis.call('EXPIRE', KEYS[6], ARGV[6]) end
note_askers(KEYS[7], ARGV[8], ARGV[9], 10)
local mail = math.floor(number(lane[6]))
if lane[2] then return {lane[2], mail} end
if stopped and happened_since(lane[3], stopped) then return {'*', mail} end
return {'', mail}
