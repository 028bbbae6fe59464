#!lua flags=no-writes
-- What stands of one ranking (ranking/ranking_board.h) at one moment: the best of a top, or one resource and those
-- around it.
--
-- KEYS  1 state hash, 2 outbox hash (write_script.lua)
--       3 and 4 the tops of slots 0 and 1; twice the same if the window has one slot
--       [5 the hash that knows the resource's total: records of the counter_type, or of "all" the resource's counters]
-- ARGV  1 the board's field, 2 and 3 the fields of the tops
--       4 number of the period asked for, or empty: the running one
--       5 how many of the best to leave out, 6 how many to tell; or with a fifth key
--       5 how many to tell on either side of the resource, 6 the resource, 7 the field of its total
--
-- Texts are not compared here: Redis would do it by the order of its locale.
--
-- Returns an array: the board, the top, the state's at, t and next, the outbox's n (each as it stands, or nil), Redis's
-- clock in ms, how many members the top has, the resource's rank from 0 or -1, its total or nil, and the members with
-- their scores.
local state, outbox, totals = KEYS[1], KEYS[2], KEYS[5]
local call = redis.call

local clock = call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local found = call('HMGET', state, ARGV[1], ARGV[2], ARGV[3], 'at', 't', 'next')
local board = found[1]
local period = tonumber(ARGV[4]) or tonumber(string.match(board or '', '^%-?%d+')) or 0
local slot = period % 2
local top = KEYS[3 + slot]

local rank, total, first, last = -1, false, 0, -1
if totals then
    total = call('HGET', totals, ARGV[7])
    rank = call('ZRANK', top, ARGV[6]) or -1
    first, last = math.max(0, rank - ARGV[5]), rank + ARGV[5]
else
    first = tonumber(ARGV[5])
    last = first + ARGV[6] - 1
end
local members = {}
if rank >= 0 or not totals then
    members = call('ZRANGE', top, first, last, 'WITHSCORES')
end
return {
    board, found[2 + slot], found[4], found[5], found[6], call('HGET', outbox, 'n'),
    now_ms, call('ZCARD', top), rank, total, members,
}
