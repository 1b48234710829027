-- Keep one record of what the running turn does outside. The commit drops all of them.
-- Refused (nil) unless the caller owns the entry and its turn is the current one.
-- KEYS  1 stream  2 the lane's state  3 the conversation's state
-- ARGV  1 group  2 worker  3 entry  4 fence  5 name of the record  6 record (JSON)
--       7 how much of a try one start is
-- Returns 1
if not owned(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return nil end
if not current(KEYS[2], ARGV[4], KEYS[3]) then return nil end
redis.call('HSET', KEYS[2], ARGV[5], ARGV[6])
-- A try that has come further is not the fault of its question.
redis.call('HSET', KEYS[2], 'tries', ARGV[7])
return 1
