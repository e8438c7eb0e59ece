-- Hands a pending login out, once. KEYS: the login. Answers it, or nil.

local found = redis.call('GET', KEYS[1])
if found then
  redis.call('DEL', KEYS[1])
end
return found
