-- What wrk sends, and one line of results for bench.sh. Arguments: METHOD PATH [COUNTERS]
-- A POST increments one counter; with COUNTERS each request increments the next one of that many. BATCH instead of POST
-- increments that many counters in one request.

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

function init(args)
    local method, path, counters = args[1], args[2], tonumber(args[3])
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
