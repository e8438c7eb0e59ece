-- Refuses the tokens of a subject that were issued at an instant or before; of two revocations the later instant and the
-- longer time count.
--
-- KEYS: the subject. ARGV: the instant in microseconds, how long to remember it in milliseconds.

local before = redis.call('GET', KEYS[1])
local instant = ARGV[1]
if before and tonumber(before) > tonumber(instant) then
  instant = before
end
local ttl = math.max(tonumber(ARGV[2]), redis.call('PTTL', KEYS[1]))
redis.call('SET', KEYS[1], instant, 'PX', string.format('%.0f', ttl))
return 1
