-- What wrk sends, and one line of results for bench.sh. Arguments: METHOD PATH [COUNTERS]
-- A POST increments one counter; with COUNTERS each request increments the next one of that many. BATCH instead of
-- POST increments that many counters in one request; BATCH PATH ITEMS COUNTERS even|zipf|each draws them from that
-- many, evenly, with the frequencies of Zipf's law (the n-th as often as 1/n), or each in its turn.

local function increment_of(resource_id)
    return string.format('{"resource_id":"%s","counter_type":"like"}', resource_id)
end

-- Every request is made before the run, so that making it costs the run nothing.
local function cycle_through(path, counters)
    local headers = { ["Content-Type"] = "application/json" }
    local requests = {}
    local turn = 0
    for i = 1, counters do
        requests[i] = wrk.format("POST", path, headers, increment_of("bench-" .. i))
    end
    return function()
        turn = turn % counters + 1
        return requests[turn]
    end
end

local function batch_of(count)
    local items = {}
    for i = 1, count do
        items[i] = increment_of("bench-" .. i)
    end
    return '{"increments":[' .. table.concat(items, ",") .. "]}"
end

-- Distinct requests of a run that draws: more than a second's.
local DRAWN_BATCHES = 3000

local function draw_even(counters)
    return function()
        return math.random(counters)
    end
end

-- By inversion of the continuous law, which is near enough.
local function draw_zipf(counters)
    return function()
        return math.floor(math.exp(math.random() * math.log(counters + 1)))
    end
end

local function draw_each(counters)
    local turn = 0
    return function()
        turn = turn % counters + 1
        return turn
    end
end

local draws = { even = draw_even, zipf = draw_zipf, each = draw_each }

local function drawn_batches(path, count, draw)
    local headers = { ["Content-Type"] = "application/json" }
    local requests = {}
    for i = 1, DRAWN_BATCHES do
        local items = {}
        for k = 1, count do
            items[k] = increment_of("bench-" .. draw())
        end
        requests[i] = wrk.format("POST", path, headers, '{"increments":[' .. table.concat(items, ",") .. "]}")
    end
    local turn = 0
    return function()
        turn = turn % DRAWN_BATCHES + 1
        return requests[turn]
    end
end

local function drawn_singles(path, draw)
    local requests = {}
    local headers = { ["Content-Type"] = "application/json" }
    for i = 1, 100 * DRAWN_BATCHES do
        requests[i] = wrk.format("POST", path, headers, increment_of("bench-" .. draw()))
    end
    local turn = 0
    return function()
        turn = turn % #requests + 1
        return requests[turn]
    end
end

local function init_drawn(path, count, counters, law)
    local draw = draws[law](counters)
    request = count == 1 and drawn_singles(path, draw) or drawn_batches(path, count, draw)
end

function init(args)
    local method, path, counters = args[1], args[2], tonumber(args[3])
    if method == "BATCH" and args[4] then
        init_drawn(path, counters, tonumber(args[4]), args[5])
        return
    end
    if method == "BATCH" then
        wrk.method = "POST"
        wrk.path = path
        wrk.headers["Content-Type"] = "application/json"
        wrk.body = batch_of(counters)
        return
    end
    wrk.method = method
    wrk.path = path
    if method == "POST" then
        wrk.headers["Content-Type"] = "application/json"
        wrk.body = increment_of("bench")
    end
    if counters then
        request = cycle_through(path, counters)
    end
end

-- Requests a second, p50 and p99 in microseconds, socket errors, answers with a status of 400 or more.
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests / summary.duration * 1e6, latency:percentile(50),
        latency:percentile(99), errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
