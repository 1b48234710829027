-- Keep the post that tells a person to wait. The answer will use this post.
-- KEYS  1 mail  2 state
-- ARGV  1 event id of the question  2 handle of the post
-- Returns 1, or 0 if the turn has begun or ended meanwhile, or another post already tells them
local head = redis.call('LINDEX', KEYS[1], 0)
if not head or read(head)['event_id'] ~= ARGV[1] then return 0 end
if redis.call('HEXISTS', KEYS[2], 'tries') == 1 then return 0 end
redis.call('HSETNX', KEYS[2], 'note', ARGV[2])
return redis.call('HGET', KEYS[2], 'note') == ARGV[2] and 1 or 0
