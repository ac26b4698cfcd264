-- Sends the requests of a file, one a line: method, path and, if any, body, parted by tabs. @@ in a body becomes a number
-- that no other request has. Prints one line of JSON.
local threads = 0
function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

function init(args)
    prefix = args[2] or ""
    requests, bodies, at, made = {}, {}, number * 997, 0
    for line in io.lines(args[1]) do
        local method, path, body = line:match("^(%S+)\t(%S+)\t?(.*)$")
        if body ~= "" then
            wrk.headers["Content-Type"] = "application/json"
            table.insert(bodies, { method, path, body })
        else
            table.insert(requests, wrk.format(method, path))
        end
    end
end

function request()
    at = at + 1
    if #bodies > 0 then
        local one = bodies[at % #bodies + 1]
        made = made + 1
        return wrk.format(one[1], one[2], nil, (one[3]:gsub("@@", prefix .. number .. "x" .. made)))
    end
    return requests[at % #requests + 1]
end

function done(summary, latency, _)
    local errors = summary.errors
    io.write(string.format(
        '\n{"seconds":%.4f,"requests":%d,"bytes":%d,"p50":%.4f,"p95":%.4f,"p99":%.4f,"bad":%d,"broken":%d}\n',
        summary.duration / 1e6, summary.requests, summary.bytes, latency:percentile(50) / 1e3,
        latency:percentile(95) / 1e3, latency:percentile(99) / 1e3, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
