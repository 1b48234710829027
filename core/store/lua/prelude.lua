-- What several scripts share; it stands before each of them.

-- Whether *worker* holds the lease of *entry*.
local function owned(ready, group, worker, entry)
  local owner = redis.call('XPENDING', ready, group, entry, entry, 1)
  return #owner > 0 and owner[1][2] == worker
end

-- Fail now, before anything is done, if a key holds another type than its *sizes* command is for:
-- it is put aside then, and the script run again.
local function right_types(sizes)
  for at, size in ipairs(sizes) do redis.call(size, KEYS[at]) end
end

-- What *json* says, as a table; empty when it says nothing of the kind.
local function read(json)
  local good, value = pcall(cjson.decode, json or '')
  return good and type(value) == 'table' and value or {}
end

-- The person who sent the mail *json*, or nobody.
local function sender_of(json)
  local sender = read(json)['sender']
  local id = type(sender) == 'table' and sender['id']
  return type(id) == 'string' and id or ''
end

-- Add *much* to a number in a hash; what stands there instead of a number, or a hash, is dropped.
local function add(command, key, field, much)
  local sum = redis.pcall(command, key, field, much)
  if type(sum) ~= 'table' or not sum.err then return sum end
  if redis.call('TYPE', key).ok == 'hash' then
    redis.call('HDEL', key, field)
  else
    redis.call('DEL', key)
  end
  return redis.call(command, key, field, much)
end

-- Keep *letter*, and of all of them no more than 1000, or about 16 MB: the newest.
local function keep_dead(dead, letter)
  local kept = redis.pcall('RPUSH', dead, letter)
  if type(kept) == 'table' then
    redis.call('DEL', dead)
    redis.call('RPUSH', dead, letter)
  end
  redis.call('LTRIM', dead, -1000, -1)
  for _ = 1, 1000 do
    local bytes = redis.pcall('MEMORY', 'USAGE', dead)
    if type(bytes) ~= 'number' or bytes <= 16777216 then return end
    redis.call('LPOP', dead)
  end
end

-- Say that *conversation*, whose first mail is from *person*, waits for a worker.
local function make_ready(ready, conversation, person)
  redis.call('XADD', ready, '*', 'c', conversation, 'p', person)
end

-- Move what a bucket's hash says of later by as much as the clock stepped back since it was said.
local function settle(pace, now)
  local said = tonumber(redis.call('HGET', pace, 'at')) or 0
  if said <= now + 1 then return end
  for _, field in ipairs({'hold', 'final'}) do
    local till = tonumber(redis.call('HGET', pace, field))
    if till then redis.call('HSET', pace, field, string.format('%.6f', till - said + now)) end
  end
  redis.call('HSET', pace, 'at', string.format('%.6f', now))
end

-- Give up the lease of *entry*. What *person* had to wait with, because of it, is ready now.
local function let_go(ready, group, entry, running, parked, person)
  redis.call('XACK', ready, group, entry)
  redis.call('XDEL', ready, entry)
  redis.call('ZREM', running, entry)
  local waiting = redis.call('LPOP', parked)
  if waiting then make_ready(ready, waiting, person) end
end

