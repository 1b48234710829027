-- Put a reminder that is due into the mailbox of its lane, and note when it comes again. All
-- processes may try: the first one changes the reminder, so the others find another one.
-- KEYS  1 due  2 reminders  3 the person's, by number  4 the place's  5 seen  6 mail of the lane
--       7 ready  8 lanes
-- ARGV  1 id  2 as it was read (JSON)  3 as it is from now on (empty: it ends)  4 due_ms
--       5 incoming (JSON)  6 lane  7 sender  8 dedupe_s  9 most_waiting  10 again_ms
-- Returns 1, or 0: another process was faster, or -1: the mailbox is full, tried again at again_ms
right_types({'ZCARD', 'HLEN', 'HLEN', 'SCARD', 'EXISTS', 'LLEN', 'XLEN', 'XLEN'})
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
if redis.call('LLEN', KEYS[6]) >= tonumber(ARGV[9]) then
  redis.call('ZADD', KEYS[1], ARGV[10], ARGV[1])
  return -1
end
if ARGV[3] == '' then
  end_reminder(KEYS, ARGV[1])
else
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
  redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
end
if redis.call('SET', KEYS[5], 1, 'NX', 'EX', ARGV[8]) then
  if redis.call('RPUSH', KEYS[6], ARGV[5]) == 1 then
    make_ready(KEYS[7], KEYS[8], ARGV[6], ARGV[7])
  end
end
return 1
