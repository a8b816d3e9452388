-- Posts rows of 64 numbers, each row only once: they begin with NUMBER and how many there were before. Prints how many requests
-- there were, and how many failed.
local count = 0
local head = '{"inputs":[{"name":"X","datatype":"FP32","shape":[1,64],"data":[' .. os.getenv("NUMBER") .. ","
local rest = "," for place = 2, 63 do rest = rest .. place * 7 % 17 .. (place < 63 and "," or "]}]}") end
local headers = {["Content-Type"] = "application/json"}

request = function()
  count = count + 1
  return wrk.format("POST", nil, headers, head .. count .. rest)
end

done = function(summary)
  local errors = summary.errors
  io.write(string.format(
    "%d %d\n", summary.requests, errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
