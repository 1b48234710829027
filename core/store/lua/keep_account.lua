-- Keep an account, unless it was changed or forgotten meanwhile.
-- KEYS  1 the person's accounts
-- ARGV  1 server  2 the old value (empty: whatever is there)  3 the new one  4 ttl_s
-- Returns 1, or 0: nothing was written
right_types({'HLEN'})
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
