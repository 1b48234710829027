-- Change a reminder, or end it, unless it was changed meanwhile.
-- KEYS  1 due  2 reminders  3 the person's, by number  4 the place's  5 the place's from now on
-- ARGV  1 id  2 as it was read (JSON)  3 as it is from now on (empty: it ends)  4 due_ms  5 channel
-- Returns 1, or 0: it was changed meanwhile, or has ended
right_types({'ZCARD', 'HLEN', 'HLEN', 'SCARD', 'SCARD'})
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  end_reminder(KEYS, ARGV[1])
  return 1
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
redis.call('SREM', KEYS[4], ARGV[1])
redis.call('SADD', KEYS[5], ARGV[1])
redis.call('PUBLISH', ARGV[5], '1')
return 1
