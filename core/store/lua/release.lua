-- Give a conversation back at once, as if its lease had run out; nothing unless it is ours.
-- Who gives it back was no bad try.
-- KEYS  1 ready  2 state   ARGV  1 group  2 worker  3 entry  4 idle_ms
if not owned(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', ARGV[4], 'JUSTID')
if redis.call('HEXISTS', KEYS[2], 'tries') == 1 then add('HINCRBY', KEYS[2], 'tries', -1) end
return 1
