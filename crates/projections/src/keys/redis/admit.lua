-- Whether a request may go on, in one step: its token is not void, and each bucket has a token to take.
--
-- KEYS: of a request with a token, the revocations of its tenant and its actor, and with a session that session's
--   revocation and the session itself; then the buckets.
-- ARGV: how many of the keys are about the token (0, 2 or 4), when it was issued, its tenant; then for each bucket the
--   tokens in a period, the period in microseconds, and the burst.
-- Answers {0, tokens left in each}, {1, which of the keys speaks against the token}, or {2, bucket, microseconds to wait}.
--
-- A bucket is 'level period instant': the level is in tokens times microseconds of the period, so that every number is
-- whole and below 2^53, and exact. One that is not there is full.

local found = {}
if #KEYS > 0 then
  found = redis.call('MGET', unpack(KEYS))
end
local about_token = tonumber(ARGV[1])
local issued_at = tonumber(ARGV[2])
for index = 1, math.min(about_token, 3) do
  if found[index] and issued_at <= tonumber(found[index]) then
    return {1, index}
  end
end
if about_token == 4 and not (found[4] and cjson.decode(found[4]).tenant_id == ARGV[3]) then
  return {1, 4}
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local taken = {}
local answer = {0}
local short, wait = nil, 0
local argument = 4
for index = about_token + 1, #KEYS do
  local tokens, period, burst = tonumber(ARGV[argument]), tonumber(ARGV[argument + 1]), tonumber(ARGV[argument + 2])
  argument = argument + 3
  local full = burst * period
  local level = full
  if found[index] then
    local held, before, since = string.match(found[index], '^(%d+) (%d+) (%d+)$')
    held, before, since = tonumber(held), tonumber(before), tonumber(since)
    if before ~= period then
      held = math.floor(held / before) * period
    end
    level = math.min(full, held + math.max(0, now - since) * tokens)
  end
  if level < period then
    local lacks = math.ceil((period - level) / tokens)
    if lacks > wait then
      short, wait = index - about_token - 1, lacks
    end
  else
    level = level - period
    taken[#taken + 1] = {KEYS[index], level, period, math.ceil((full - level) / tokens / 1000)}
    answer[#answer + 1] = math.floor(level / period)
  end
end
if short then
  return {2, short, wait}
end
for _, bucket in ipairs(taken) do
  local value = string.format('%.0f %.0f %.0f', bucket[2], bucket[3], now)
  redis.call('SET', bucket[1], value, 'PX', string.format('%.0f', bucket[4]))
end
return answer
