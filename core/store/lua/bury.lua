-- Remove one unreadable mail from its mailbox, and keep a dead letter about it.
-- Refused (nil) unless the caller owns the entry.
-- KEYS  1 ready  2 mail  3 dead letters
-- ARGV  1 group  2 worker  3 entry  4 the mail as it stands there  5 the letter
-- Returns how many were removed
if not owned(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return nil end
local taken = redis.call('LREM', KEYS[2], 1, ARGV[4])
if taken > 0 then keep_dead(KEYS[3], ARGV[5]) end
return taken
