-- Keep one incoming, once. Invariant: a mailbox has mail <=> its conversation
-- has exactly one entry in the ready stream (waiting or claimed).
-- KEYS  1 seen  2 mail  3 ready  4 state
-- ARGV  1 incoming (JSON)  2 conversation  3 dedupe_s  4 most_waiting
--       5 addressed (1 or 0)  6 stop (1 or 0)  7 control channel  8 sender
-- Returns {verdict, mail waiting}
right_types({'EXISTS', 'LLEN', 'XLEN', 'HLEN'})
if ARGV[5] == '0' and redis.call('EXISTS', KEYS[4]) == 0 then
  return {'unasked', 0}
end
if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[3]) then
  return {'seen', 0}
end
local waiting = redis.call('LLEN', KEYS[2])
if ARGV[6] == '1' and waiting > 0 then
  -- A stop is about what is being answered now: it must not wait behind it.
  local event_id = read(redis.call('LINDEX', KEYS[2], 0))['event_id']
  redis.call('HSET', KEYS[4], 'stop', type(event_id) == 'string' and event_id or '')
  redis.call('PUBLISH', ARGV[7], ARGV[2])
  return {'stopping', waiting}
end
if waiting >= tonumber(ARGV[4]) then
  return {'full', waiting}
end
if redis.call('RPUSH', KEYS[2], ARGV[1]) == 1 then
  make_ready(KEYS[3], ARGV[2], ARGV[8])
end
return {'kept', waiting}
