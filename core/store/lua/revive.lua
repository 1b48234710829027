-- Make a lane with mail ready, whose entry was lost with its ready stream.
-- KEYS  1 the lane's mail  2 ready  3 lanes   ARGV  1 lane
-- Returns 1, or 0: it has no mail
right_types({'LLEN', 'XLEN', 'XLEN'})
if redis.call('LLEN', KEYS[1]) == 0 then return 0 end
make_ready(KEYS[2], KEYS[3], ARGV[1], sender_of(redis.call('LINDEX', KEYS[1], 0)))
return 1
