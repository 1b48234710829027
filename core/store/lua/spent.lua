-- KEYS  what was spent, of each   Returns {{field, value...}...}
local found = {}
for i, key in ipairs(KEYS) do found[i] = redis.call('HGETALL', key) end
return found
