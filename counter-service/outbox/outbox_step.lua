#!lua flags=allow-oom
-- One step of a consumer that follows the outbox of a partition: keeps the lease, moves the position, trims the stream
-- behind the slowest consumer, reads on. All in one, so that whoever has lost the lease moves nothing.
--
-- allow-oom: a Redis that is full of events must let them go.
--
-- KEYS  1 lease, 2 position of this consumer, 3 outbox stream, 4 outbox hash (write_script.lua), 5 who asks for the
--       lease
--       then the positions of all other consumers
-- ARGV  1 the instance's token
--       2 life of the lease, ms; 0 gives the lease up
--       3 the position to move to, or empty
--       4 read entries after this id
--       5 how many entries at most
--       6 for each of the other consumers 1 if it is configured, else 0
--       7 1 if a lease that nobody has is to be left to others for now, else 0
--       8 if the instance asks whoever has the lease for it: how many it has itself; else empty
--       9 the token of the instance that the lease is handed to, for the life of 2; else empty
--
-- A position is "<id of an entry> <number of its last event>": all up to there is done. A consumer without one starts
-- at the head of the stream: nothing is trimmed before one that is configured has one. It goes a day after nobody
-- follows any more, or when the clock steps so far: a consumer that was configured away must not keep the stream for
-- ever.
--
-- Returns an array: a letter, the outbox hash's n and t, the position, Redis's clock in ms, the entries as XRANGE gives
-- them, 1 if there may be more behind these, else 0; and for O who asks for the lease: how many leases that instance
-- has, a blank, its token; or nothing. Fewer entries than asked for come where they are large: a step
-- keeps Redis busy for about a millisecond. Letters:
--       O the lease is this instance's, as before
--       T it is now, and may have been another's meanwhile: nothing was moved or read, go on from the position told
--       H another instance has it: nothing was moved or read
--       F nobody has it, and it was left free: nothing was moved or read
local lease, own_position, stream, outbox, asker = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, life, target = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local call = redis.call
local BYTES_MAX = 256 * 1024
local PART_MAX = 16
local ASK_LIFE = 3000
local POSITION_LIFE = 24 * 60 * 60 * 1000

local clock = call('TIME')
local now_ms = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))
local marks = call('HMGET', outbox, 'n', 't')
local appended, trimmed = marks[1] or '0', marks[2] or '0'
local position = call('GET', own_position)

local owner = call('GET', lease)
if owner and owner ~= token then
    -- A clock that stepped back would keep the lease of a dead instance for as long.
    if life > 0 and call('PTTL', lease) > life then
        call('PEXPIRE', lease, life)
    end
    if ARGV[8] ~= '' then
        local others = tonumber(string.match(call('GET', asker) or '', '^%d+'))
        if not others or tonumber(ARGV[8]) <= others then
            call('SET', asker, ARGV[8] .. ' ' .. token, 'PX', ASK_LIFE)
        end
    end
    return { 'H', appended, trimmed, position or '0-0 0', now_ms, {}, 0, '' }
end
if not owner and ARGV[7] == '1' then
    return { 'F', appended, trimmed, position or '0-0 0', now_ms, {}, 0, '' }
end
if not owner or not position then
    if life > 0 then
        call('SET', lease, token, 'PX', life)
    end
    if not position then
        position = '0-0 ' .. trimmed
        call('SET', own_position, position, 'PX', POSITION_LIFE)
    end
    return { 'T', appended, trimmed, position, now_ms, {}, 0, '' }
end

if target ~= '' then
    call('SET', own_position, target, 'PX', POSITION_LIFE)
    position = target
    local slowest_ms, slowest_seq, slowest_number
    local is_awaited = false
    for key = 2, #KEYS do
        local held = (key < 3 or key > 5) and call('GET', KEYS[key])
        is_awaited = is_awaited or (key > 5 and not held and ARGV[6]:sub(key - 5, key - 5) == '1')
        local ms, seq, number = string.match(held or '', '^(%d+)-(%d+) (%d+)$')
        ms, seq = tonumber(ms), tonumber(seq)
        if ms and (not slowest_ms or ms < slowest_ms or (ms == slowest_ms and seq < slowest_seq)) then
            slowest_ms, slowest_seq, slowest_number = ms, seq, tonumber(number)
        end
    end
    if not is_awaited then
        call('XTRIM', stream, 'MINID', string.format('%.0f-%.0f', slowest_ms, slowest_seq + 1))
        slowest_number = math.min(slowest_number, tonumber(appended) or 0)
        if slowest_number > (tonumber(trimmed) or 0) then
            trimmed = string.format('%.0f', slowest_number)
            call('HSET', outbox, 't', trimmed)
        end
    end
end

if life == 0 then
    call('UNLINK', lease)
    return { 'O', appended, trimmed, position, now_ms, {}, 0, '' }
end
if ARGV[9] ~= '' then
    call('SET', lease, ARGV[9], 'PX', life)
    call('UNLINK', asker)
    return { 'O', appended, trimmed, position, now_ms, {}, 0, '' }
end
if target == '' and call('PTTL', own_position) < POSITION_LIFE / 2 then
    call('PEXPIRE', own_position, POSITION_LIFE)
end
local asked = call('GET', asker) or ''
-- In parts, of as many entries as have fitted so far: one of a thousand large items is 430 KB.
local entries, bytes, after, wanted, part, more = {}, 0, ARGV[4], tonumber(ARGV[5]), 1, 1
while more == 1 and #entries < wanted and bytes < BYTES_MAX do
    local found = call('XRANGE', stream, '(' .. after, '+', 'COUNT', math.min(part, wanted - #entries))
    for _, entry in ipairs(found) do
        entries[#entries + 1] = entry
        for field = 2, #entry[2], 2 do
            bytes = bytes + #entry[2][field]
        end
    end
    if #found == 0 then
        more = 0
    else
        after = found[#found][1]
        part = math.max(1, math.min(PART_MAX, math.floor((BYTES_MAX - bytes) * #entries / math.max(bytes, 1))))
    end
end
-- Each renewal is a write to the replicas and the append-only file, so not each time; but always where entries were
-- read: WAIT is for what a connection has written (Redis 7.2 and later), and all that was read is older than this.
if #entries > 0 or call('PTTL', lease) < life * 2 / 3 then
    call('PEXPIRE', lease, life)
end
return { 'O', appended, trimmed, position, now_ms, entries, more, asked }
