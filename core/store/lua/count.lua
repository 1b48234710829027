-- Add what one process counted since the last time, and keep what it tells of itself.
-- KEYS  1 who runs now  2... what was counted in a period, of each
-- ARGV  1 the process  2 what it tells (JSON)  3 ttl_s of that  4 how many numbers there are
--       5... name and how much more of each, then for each period its ttl_s
local count = tonumber(ARGV[4])
local names, sums = {}, {}
for i = 1, count do names[i] = ARGV[3 + 2*i] end
-- What somebody else left in a key is found here, before anything is changed.
for period = 2, #KEYS do
  local set = {}
  -- Lua passes a command some thousand words at most.
  for from = 1, count, 1000 do
    local till = math.min(from + 999, count)
    local had = redis.call('HMGET', KEYS[period], unpack(names, from, till))
    for i = from, till do
      set[#set + 1] = names[i]
      set[#set + 1] = string.format('%.17g', number(had[i - from + 1]) + ARGV[4 + 2*i])
    end
  end
  sums[period] = set
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
for period, set in pairs(sums) do
  local new = 0
  for from = 1, #set, 2000 do
    local some = {unpack(set, from, math.min(from + 1999, #set))}
    new = new + redis.call('HSET', KEYS[period], unpack(some))
  end
  if new > 0 then redis.call('EXPIRE', KEYS[period], ARGV[3 + 2*count + period]) end
end
