-- Give a conversation back at once, as if its lease had run out; nothing unless it is ours.
-- KEYS  1 ready   ARGV  1 group  2 worker  3 entry  4 idle_ms
local owner = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #owner == 0 or owner[1][2] ~= ARGV[2] then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', ARGV[4], 'JUSTID')
return 1
