-- Write the levels of some buckets, unless another process has written one meanwhile.
-- KEYS  the buckets
-- ARGV  1 write in any case (1 or 0)   then for each: the old value (may be empty), the new one,
--       for how many seconds to keep it
-- Returns 1, or 0: nothing was written
for i, key in ipairs(KEYS) do
  if ARGV[1] == '0' and (redis.call('GET', key) or '') ~= ARGV[i * 3 - 1] then return 0 end
end
for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[i * 3], 'EX', ARGV[i * 3 + 1]) end
return 1
