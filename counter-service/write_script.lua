#!lua
-- All of a BatchIncrement in one atomic step.
--
-- The first line matters: with it Redis refuses the whole script before it runs when it is out of memory, a replica, or
-- otherwise unable to write. Without it redis.pcall would report that item by item.
--
-- Redis does not roll a script back. So everything that may raise comes before the first write, every command from then
-- on goes through redis.pcall, and the batch record is written last.
--
-- Numbers of Lua are doubles, exact below 2^53: a delta goes to HINCRBY as the string it is, and a sum of 2^53 or more
-- is read by HGET, as a string, rather than taken from what HINCRBY returned.
--
-- KEYS  [batch record, if there is a batch fingerprint]
--       then for each item: counter hash, [idempotency record, if the item has a fingerprint]
-- ARGV  1 time by Redis's clock, in microseconds, after which nothing is written
--       2 batch fingerprint of 16 bytes, or empty
--       3 life of the batch record, ms
--       4 life of an idempotency record, ms
--       5 how many arguments an item has: 2, or 3 if any item of the batch has a fingerprint
--       then for each item: counter type, delta, [fingerprint of 16 bytes, or empty]
--
-- Returns one string: a letter, Redis's time as `<seconds> <microseconds>`, then a blank and a token for each item.
--       A applied    S seen: the batch was applied before, and these are its results as they were
--       E expired    M mismatch: the batch id was used for other items (E and M: no tokens, nothing was written)
-- Tokens: the value, r<value> replayed, O overflow, K idempotency key reused for another increment, T one counter type
--       too many, D damaged data, U added but not readable.
--
-- One flat loop without functions of its own: creating them for each call costs a batch of one a tenth of its time.
local keys, args, type, try = KEYS, ARGV, type, redis.pcall
local format = string.format
local COUNTER_TYPES_MAX = 1000
local EXACT_BELOW = 9007199254740992 -- 2^53

local time = redis.call('TIME')
local now = time[1] .. ' ' .. time[2]
if time[1] * 1000000 + time[2] > tonumber(args[1]) then
    return 'E' .. now
end

local batch_fingerprint = args[2]
local key = 1
if batch_fingerprint ~= '' then
    local seen = redis.call('GET', keys[1])
    if seen then
        if seen:sub(1, 16) ~= batch_fingerprint then
            return 'M' .. now
        end
        return 'S' .. now .. seen:sub(17)
    end
    key = 2
end

local tokens, count = {}, 0
local width = args[5] == '3' and 3 or 2
for arg = 6, #args, width do
    local hash, counter_type, delta = keys[key], args[arg], args[arg + 1]
    local fingerprint = width == 3 and args[arg + 2] or ''
    key = key + 1

    local token, record
    if fingerprint ~= '' then
        record = keys[key]
        key = key + 1
        local seen = try('GET', record)
        if type(seen) == 'string' then
            token = seen:sub(1, 16) == fingerprint and 'r' .. seen:sub(17) or 'K'
        elseif seen then
            token = 'D'
        end
    end

    if not token then
        local sum = try('HINCRBY', hash, counter_type, delta)
        if type(sum) == 'number' then
            if sum < EXACT_BELOW and sum > -EXACT_BELOW then
                token = format('%.0f', sum)
            else
                token = try('HGET', hash, counter_type)
            end
            if type(token) ~= 'string' then
                token = 'U'
            elseif token == delta and (tonumber(try('HLEN', hash)) or 0) > COUNTER_TYPES_MAX then
                -- The counter was absent (or 0, which reads the same): take it back.
                try('HDEL', hash, counter_type)
                token = 'T'
            elseif record then
                -- Only an applied increment is recorded: a refused one leaves its key free.
                try('SET', record, fingerprint .. token, 'PX', args[4])
            end
        else
            token = sum.err:find('would overflow', 1, true) and 'O' or 'D'
        end
    end
    count = count + 1
    tokens[count] = token
end

local results = ' ' .. table.concat(tokens, ' ')
if batch_fingerprint ~= '' then
    try('SET', keys[1], batch_fingerprint .. results, 'PX', args[3])
end
return 'A' .. now .. results
