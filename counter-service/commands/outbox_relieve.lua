#!lua flags=allow-oom
-- Lets the oldest sixteenth of the outbox go, since Redis is out of memory and refuses every script that is not allowed
-- to run then, write_script.lua too.
--
-- KEYS  1 outbox stream, 2 outbox hash (write_script.lua)
--
-- Returns how many events were dropped.
local stream, outbox = KEYS[1], KEYS[2]
local call = redis.call

local length = call('XLEN', stream)
if length == 0 then
    return 0
end
local marks = call('HMGET', outbox, 'n', 't')
local appended, before = tonumber(marks[1] or 0), tonumber(marks[2] or 0)
call('XTRIM', stream, 'MAXLEN', length - math.min(math.ceil(length / 16), 1000))
local oldest = call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
local trimmed = oldest and (tonumber(oldest[2][2]) or before + 1) - 1 or appended
call('HSET', outbox, 't', string.format('%d', trimmed))
return trimmed - before
