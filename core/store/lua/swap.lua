-- Write what is known of some buckets, unless another process has written it meanwhile.
-- KEYS  the buckets
-- ARGV  1 write in any case (1 or 0)   then for each: what it was (may be empty), what it is now,
--       for how many seconds it is kept
-- Returns 1, or 0: nothing was written
for i, key in ipairs(KEYS) do
  if ARGV[1] == '0' and (redis.call('GET', key) or '') ~= ARGV[i * 3 - 1] then return 0 end
end
for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[i * 3], 'EX', ARGV[i * 3 + 1]) end
return 1
