-- Sends the requests in a file, one after the other, over and over: wrk -s requests.lua URL -- FILE [MILLISECONDS]
-- A line is a path to get, or a path, a tab and a JSON body to post. With MILLISECONDS each connection waits after each
-- answer, for a random time (exponential) of this mean. BENCH_KEY in the environment is sent as the key.
-- The last line of the output is the result, as JSON.

local requests = {}
local position = 0
local pause = 0

function init(arguments)
  local key = os.getenv("BENCH_KEY")
  if key then
    wrk.headers["Authorization"] = "Bearer " .. key
  end
  local json = { ["Content-Type"] = "application/json", ["Accept"] = "application/json" }
  for name, value in pairs(wrk.headers) do
    json[name] = value
  end
  for line in io.lines(arguments[1]) do
    local path, body = line:match("^(.-)\t(.*)$")
    if path then
      requests[#requests + 1] = wrk.format("POST", path, json, body)
    else
      requests[#requests + 1] = wrk.format("GET", line)
    end
  end
  pause = tonumber(arguments[2] or "0")
  if pause > 0 then
    math.randomseed(1)
    -- wrk asks for a delay only where there is such a function; it takes whole milliseconds.
    function delay()
      return math.floor(-pause * math.log(1 - math.random()) + math.random())
    end
  end
end

function request()
  position = position % #requests + 1
  return requests[position]
end

function done(summary, latency, _)
  local errors = 0
  for _, count in pairs(summary.errors) do
    errors = errors + count
  end
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"errors":%d,"p50":%d,"p99":%d,"p999":%d}\n',
    summary.requests, summary.duration, errors,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)
  ))
end
