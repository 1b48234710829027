-- Decide what somebody may do. Invariant: a tenant that has an owner keeps one.
-- KEYS  1 the tenant's members
-- ARGV  1 person or place  2 the new member (JSON; empty: nothing is decided)  3 its role
--       4 whether an owner decides (1 or 0)  5 whether the settings name an owner (1 or 0)
--       6 since when another's decision stays (seconds; empty: it does not)  7 who decides
--       8 the role that they must have now (empty: any)
-- Returns 1: done, 0: only an owner may change the role of an admin, -1: it is the last owner,
-- -2: somebody else has decided, -3: they have another role now
right_types({'HLEN'})
local before = read(redis.call('HGET', KEYS[1], ARGV[1]))
local had = tonumber(before.role) or 0
if ARGV[8] ~= '' and had ~= tonumber(ARGV[8]) then return -3 end
if ARGV[6] ~= '' and type(before.by) == 'string' and before.by ~= ARGV[7]
  and (tonumber(before.at) or 0) >= tonumber(ARGV[6]) then return -2 end
if had >= 2 and ARGV[4] == '0' then return 0 end
if had == 3 and tonumber(ARGV[3]) < 3 and ARGV[5] == '0' then
  local owners = 0
  for _, one in ipairs(redis.call('HVALS', KEYS[1])) do
    if tonumber(read(one).role) == 3 then owners = owners + 1 end
  end
  if owners < 2 then return -1 end
end
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return 1
