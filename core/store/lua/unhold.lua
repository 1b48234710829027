-- Give back what a lane without mail has reserved. Each end of a turn does that already: this is
-- for mail that something else took away.
-- KEYS  1 holds  2 the lane's mail  3... accounts of the hold   ARGV  1 lane
-- Returns 1, or 0 if the lane has mail
if redis.call('LLEN', KEYS[2]) > 0 then return 0 end
give_back(KEYS[1], ARGV[1])
return 1
