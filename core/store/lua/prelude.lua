-- What several scripts share; it stands before each of them.

-- Whether *worker* holds the lease of *entry*.
local function owned(ready, group, worker, entry)
  local owner = redis.call('XPENDING', ready, group, entry, entry, 1)
  return #owner > 0 and owner[1][2] == worker
end

-- Say that *conversation*, whose first mail is from *person*, waits for a worker.
local function make_ready(ready, conversation, person)
  redis.call('XADD', ready, '*', 'c', conversation, 'p', person)
end

-- Give up the lease of *entry*. What *person* had to wait with, because of it, is ready now.
local function let_go(ready, group, entry, running, parked, person)
  redis.call('XACK', ready, group, entry)
  redis.call('XDEL', ready, entry)
  redis.call('ZREM', running, entry)
  local waiting = redis.call('LPOP', parked)
  if waiting then make_ready(ready, waiting, person) end
end

