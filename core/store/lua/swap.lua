-- Write the levels of some buckets, unless another process has written one meanwhile, or the
-- caller's clock is not ours.
-- KEYS  the buckets
-- ARGV  1 write in any case (1 or 0)  2 the caller's time (empty: it knows ours since a moment ago)
--       3 how much it may differ from ours, s
--       then for each: the old value (may be empty), the new one (empty: leave it), for how many
--       seconds to keep it
-- Returns {seconds and microseconds of our time if the caller does not know it, else 0,
-- whether it was written (1 or 0), the old values}
local time, had = {0, 0}, redis.call('MGET', unpack(KEYS))
local differs = false
if ARGV[2] ~= '' then
  time = redis.call('TIME')
  differs = math.abs(time[1] + time[2] / 1e6 - tonumber(ARGV[2])) > tonumber(ARGV[3])
end
for i = 1, #KEYS do
  had[i] = had[i] or ''
  if had[i] ~= ARGV[i * 3 + 1] then differs = true end
end
if differs and ARGV[1] == '0' then return {time[1], time[2], 0, unpack(had)} end
for i, key in ipairs(KEYS) do
  local new = ARGV[i * 3 + 2]
  if new ~= '' then redis.call('SET', key, new, 'EX', ARGV[i * 3 + 3]) end
end
return {time[1], time[2], 1, unpack(had)}
