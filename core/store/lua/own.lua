-- Make somebody the owner of a tenant that has none, once for each code.
-- KEYS  1 the code  2 the tenant's members
-- ARGV  1 the code that was sent  2 who sent it  3 the new member (JSON)
-- Returns 1 if they are the owner now
right_types({'STRLEN', 'HLEN'})
for _, one in ipairs(redis.call('HVALS', KEYS[2])) do
  if read(one).role == 3 then return 0 end
end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 1
