#!lua flags=no-writes
-- What stands of one ranking (ranking/ranking_board.h) at one moment.
--
-- KEYS  1 state hash, 2 outbox hash (write_script.lua)
--       3 and 4 the tops of slots 0 and 1; twice the same if the window has one slot
--       [5 the hash that knows a resource's total: records of the counter_type, or of "all" the resource's counters]
-- ARGV  1 the board's field, 2 and 3 the fields of the tops
--       4 number of the period asked for, or empty: the running one
--       5 whether to tell the top's string, 1, or its length only, 0
--       [6 the field of the total]
--
-- Texts are not compared here: Redis would do it by the order of its locale.
--
-- Returns an array: the board, the top, the state's at, t, next, fed and part, the outbox's n (each as it stands, or
-- nil), Redis's clock in ms, the top's string or its length, and the total or nil. The string is nil if it is not as
-- long as the state says, or the period is not kept.
local state, outbox, totals = KEYS[1], KEYS[2], KEYS[5]
local call = redis.call

local clock = call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local found = call('HMGET', state, ARGV[1], ARGV[2], ARGV[3], 'at', 't', 'next', 'fed', 'part')
local running = tonumber(string.match(found[1] or '', '^%-?%d+')) or 0
local period = tonumber(ARGV[4]) or running
local slot = period % 2
local top = KEYS[3 + slot]

local length = call('STRLEN', top)
local told = tonumber(string.match(found[2 + slot] or '', '^%S+ %S+ (%d+)'))
local places = false
if tonumber(ARGV[5]) == 0 then
    places = length
elseif length == told and (period == running or period == running - 1) then
    places = call('GET', top)
end
return {
    found[1], found[2 + slot], found[4], found[5], found[6], found[7], found[8], call('HGET', outbox, 'n'),
    now_ms, places, totals ~= nil and call('HGET', totals, ARGV[6]),
}
