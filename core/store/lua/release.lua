-- Give a lane back, as if its lease had been idle for a time. Does nothing if it is not ours.
-- KEYS  1 stream  2 the lane's state
-- ARGV  1 group  2 worker  3 entry  4 idle_ms  5 how much of the try to take back
if not owned(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', ARGV[4], 'JUSTID')
redis.call('HDEL', KEYS[2], 'open')
if redis.call('HEXISTS', KEYS[2], 'tries') == 1 then add('HINCRBY', KEYS[2], 'tries', -ARGV[5]) end
return 1
