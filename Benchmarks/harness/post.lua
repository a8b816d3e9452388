-- Posts the file that BODY names, with the header field of HEADER if there is one ("Name: value"), and prints what came
-- of it as one line of JSON. Only good replies count in the rate.
local file = assert(io.open(os.getenv("BODY"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
local name, value = (os.getenv("HEADER") or ""):match("^(.-): (.*)$")
if name then wrk.headers[name] = value end
file:close()

done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"seconds":%.3f,"rate":%.1f,"p50":%.3f,"p99":%.3f,"failed":%d}\n',
    summary.duration / 1e6, (summary.requests - errors.status) / (summary.duration / 1e6), latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
