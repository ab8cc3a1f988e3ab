-- For wrk: campaigns of three recipients, of so many worlds in turn.
local worlds, turn = 400, 0
local body = [[{"text": "hola mundo", "route": 170, "recipients": [
{"cellphone": "4490000000"}, {"cellphone": "4490000001"}, {"cellphone": "4490000002"}]}]]
local requests = {}

function init()
  for world = 1, worlds do
    requests[world] = wrk.format("POST", "/api/v3/campaign", {
      ["Authorization"] = "Bearer world-scale" .. world,
      ["Content-Type"] = "application/json",
    }, body)
  end
end

function request()
  turn = turn % worlds + 1
  return requests[turn]
end
