-- The code that makes its sender the owner of a tenant. Invariant: it exists only without an owner.
-- KEYS  1 the code  2 the tenant's members
-- ARGV  1 a new code, taken if there is none  2 ttl_s
-- Returns the code; empty: there is an owner
right_types({'STRLEN', 'HLEN'})
for _, one in ipairs(redis.call('HVALS', KEYS[2])) do
  if read(one).role == 3 then
    redis.call('DEL', KEYS[1])
    return ''
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2])
return redis.call('GET', KEYS[1])
