#!lua
-- All of an increment call in one atomic step.
--
-- The first line matters: with it Redis refuses the whole script before it runs when it is out of memory, a replica, or
-- otherwise unable to write. Without it redis.pcall would report that item by item.
--
-- Redis does not roll a script back. So every command goes through redis.pcall, and the lane's record is written last.
--
-- Numbers of Lua are doubles, exact below 2^53: a delta goes to HINCRBY as the string it is, a sum of 2^53 or more is
-- read by HGET, as a string, rather than taken from what HINCRBY returned, and sequences are compared in two halves.
--
-- KEYS  [session hash, if there is a sequence]
--       [outbox hash, outbox stream, if events are kept]
--       then for each item: counter hash, [idempotency record, if the item has a fingerprint]
-- ARGV  1 sequence, 19 digits, or empty: the call is in no session
--       2 lane
--       3 fingerprint of all items, 8 bytes
--       4 life of an idempotency record, ms
--       5 how many arguments an item has: 2, or 3 if any item of the call has a fingerprint
--       6 all items, packed (event_batch.h), or empty: no events are kept
--       [7 how many events may wait in the outbox, 8 what happens when it is full: d the oldest are dropped, r the call
--       is refused; if events are kept]
--       then for each item: counter type, delta, [fingerprint of 16 bytes, or empty]
--
-- A session is a hash: field o says that it is open, a field a lane holds the lane's last call: sequence, fingerprint
-- and results. The sequence of a lane only grows, in the step that counts: so a call counts once, however late a copy
-- of it arrives.
--
-- What was applied before is written once more, the same: WAIT is for what a connection itself has written (Redis 7.2
-- and later), and it may have been another connection that applied it (redis.wait_replicas).
--
-- The outbox is a stream with an entry a call that applied anything: n, the number of its first event (events of a
-- partition are numbered from 1), i, the packed items, r, the tokens. The hash beside it has n, the number of the last
-- event, and t, that of the last one that is no longer in the stream.
--
-- Returns one string, a letter and what belongs to it:
--       A applied now; S applied before: a blank and a token for each item. Between A and the first blank may stand
--       -<number>: so many of the oldest events were dropped
--       N no such session, C the lane has a higher sequence, M the sequence was used for other items: nothing written
--       F the outbox is full, and the call would add to it: nothing written
--       X Redis refused before anything was written; L applied, now or before, but what is to be written last was
--       refused: of what was applied now the session is no more
-- After A a line may follow, and after X and L comes, what Redis said of a command that it refused.
-- Tokens: the value, r<value> replayed, O overflow, K idempotency key reused for another increment, T one counter type
--       too many, D damaged data, X refused for another reason, U added but the value is not known, W<value> added
--       but its idempotency key was not kept.
--
-- One flat loop without functions of its own: creating them for each call costs a call of one item a tenth of its time.
local keys, args, type, try = KEYS, ARGV, type, redis.pcall
local format = string.format
local COUNTER_TYPES_MAX = 1000
local EXACT_BELOW = 9007199254740992 -- 2^53

local sequence, lane, fingerprint = args[1], args[2], args[3]
local key = 1
if sequence ~= '' then
    local held = try('HMGET', keys[1], 'o', lane)
    if held.err then
        return 'X' .. held.err
    elseif not held[1] then
        return 'N'
    end
    local last = held[2]
    if last then
        if last:sub(1, 19) == sequence then
            if last:sub(20, 27) ~= fingerprint then
                return 'M'
            end
            local kept = try('HSET', keys[1], lane, last)
            return type(kept) == 'number' and 'S' .. last:sub(28) or 'L' .. kept.err
        end
        local high, low = tonumber(last:sub(1, 9)), tonumber(last:sub(10, 19))
        if not high or not low then
            return 'N' -- somebody else has written there: the session can no longer be relied on
        end
        local own_high = tonumber(sequence:sub(1, 9))
        if high > own_high or (high == own_high and low > tonumber(sequence:sub(10))) then
            return 'C'
        end
    end
    key = 2
end

local width = args[5] == '3' and 3 or 2
local first_item = 7
local outbox, stream, appended, trimmed, stream_length
if args[6] ~= '' then
    outbox, stream = keys[key], keys[key + 1]
    key, first_item = key + 2, 9
    -- Both are looked at before the first write: adding the entry must not fail after it.
    local marks, entries = try('HMGET', outbox, 'n', 't'), try('XLEN', stream)
    if marks.err or type(entries) ~= 'number' then
        return 'X' .. (marks.err or entries.err)
    end
    local numbers = (marks[1] or '0') .. ' ' .. (marks[2] or '0')
    if not numbers:find('^%d+ %d+$') then
        return 'XERR the outbox hash holds a value that is not an integer'
    end
    appended, trimmed, stream_length = tonumber(marks[1] or 0), tonumber(marks[2] or 0), entries
    if args[8] == 'r' and appended - trimmed + (#args - first_item + 1) / width > tonumber(args[7]) then
        -- Only what would add an event needs room: not a call whose items all have their records.
        local item_key = key
        for arg = first_item, #args, width do
            local known = width == 3 and args[arg + 2] ~= '' and try('GET', keys[item_key + 1])
            if not known then
                return 'F'
            end
            item_key = item_key + 2
        end
    end
end

local tokens, count, applied, refusal = {}, 0, 0, nil
local replayed, replayed_value
for arg = first_item, #args, width do
    local hash, counter_type, delta = keys[key], args[arg], args[arg + 1]
    local print = width == 3 and args[arg + 2] or ''
    key = key + 1

    local token, record
    if print ~= '' then
        record = keys[key]
        key = key + 1
        local seen = try('GET', record)
        if type(seen) == 'string' then
            if seen:sub(1, 16) == print then
                token, replayed, replayed_value = 'r' .. seen:sub(17), record, seen
            else
                token = 'K'
            end
        elseif seen then
            token = seen.err:find('^WRONGTYPE') and 'D' or 'X'
            refusal = token == 'X' and seen.err or refusal
        end
    end

    if not token then
        local sum = try('HINCRBY', hash, counter_type, delta)
        if type(sum) == 'number' then
            local refused
            applied = applied + 1
            if sum < EXACT_BELOW and sum > -EXACT_BELOW then
                token = format('%d', sum)
            else
                token = try('HGET', hash, counter_type)
                refused = type(token) ~= 'string' and (token or {}).err or nil
            end
            if token == delta then
                -- The counter was absent (or 0, which reads the same): one too many is taken back.
                local types = try('HLEN', hash)
                if type(types) ~= 'number' then
                    refused = types.err
                elseif types > COUNTER_TYPES_MAX then
                    local taken = try('HDEL', hash, counter_type)
                    refused = type(taken) ~= 'number' and taken.err or nil
                    token = 'T'
                    applied = refused and applied or applied - 1
                end
            end
            if refused or type(token) ~= 'string' then
                token, refusal = 'U', refused or 'the counter is gone'
            elseif record and token ~= 'T' then
                -- Only an applied increment is recorded: a refused one leaves its key free.
                local kept = try('SET', record, print .. token, 'PX', args[4])
                if kept.err then
                    token, refusal = 'W' .. token, kept.err
                end
            end
        elseif sum.err:find('would overflow', 1, true) then
            token = 'O'
        elseif sum.err:find('^WRONGTYPE') or sum.err:find('not an integer', 1, true) then
            token = 'D'
        else
            token, refusal = 'X', sum.err
        end
    end
    count = count + 1
    tokens[count] = token
end

local results = table.concat(tokens, ' ')
local dropped = ''
if outbox and applied > 0 then
    local added = try('XADD', stream, '*', 'n', format('%d', appended + 1), 'i', args[6], 'r', results)
    -- An entry that is refused in spite of the look before is a gap in the numbers.
    local last = try('HINCRBY', outbox, 'n', applied)
    refusal = type(added) ~= 'string' and added.err or type(last) ~= 'number' and last.err or refusal
    local excess = appended + applied - tonumber(args[7])
    if trimmed < excess then
        -- A part at a time, so that most calls on a full outbox drop nothing.
        local before = trimmed
        stream_length = stream_length + 1
        while trimmed < excess and stream_length > 0 do
            local part = math.min(math.ceil(stream_length / 64), 1000)
            local cut = try('XTRIM', stream, 'MAXLEN', stream_length - part)
            local oldest = try('XRANGE', stream, '-', '+', 'COUNT', 1)
            if type(cut) ~= 'number' or oldest.err then
                refusal = oldest.err or cut.err
                break
            end
            stream_length = stream_length - part
            trimmed = oldest[1] and (tonumber(oldest[1][2][2]) or trimmed + 1) - 1 or appended + applied
        end
        local kept = try('HSET', outbox, 't', format('%d', trimmed))
        refusal = type(kept) ~= 'number' and kept.err or refusal
        dropped = format('-%d', trimmed - before)
    end
end

results = ' ' .. results
if sequence ~= '' then
    local kept = try('HSET', keys[1], lane, sequence .. fingerprint .. results)
    if type(kept) ~= 'number' then
        try('UNLINK', keys[1])
        return 'L' .. kept.err
    end
elseif replayed and applied == 0 then
    local kept = try('SET', replayed, replayed_value, 'KEEPTTL')
    if kept.err then
        return 'L' .. kept.err
    end
end
local answer = 'A' .. dropped .. results
return refusal and answer .. '\n' .. refusal or answer
