-- Ends a session where it is the tenant's. KEYS: the session. ARGV: the tenant. Answers how many were ended.

local found = redis.call('GET', KEYS[1])
if found and cjson.decode(found).tenant_id == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
