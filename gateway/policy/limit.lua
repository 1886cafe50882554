-- Limits counted inside Redis: the same algorithms as limit_*.c, whose comments explain them. Times are microseconds of
-- the server's clock. KEYS: one per limit. ARGV: id of the call, mode, and per limit a struct limit_script_row; what
-- comes back is told in limit_script.h. A key that is as good as fresh is not kept.
local clock = redis.call('TIME')
local time = clock[1] * 1000000 + clock[2]
local id, mode = ARGV[1], tonumber(ARGV[2])
local CHARGE, REFUND, RENEW = 1, 2, 3
local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local DAY, LONGEST = 86400000000, 1e15

local function numbers(key, ...)
  local v = redis.call('HMGET', key, ...)
  for i = 1, #v do v[i] = tonumber(v[i] or nil) end
  return v[1], v[2], v[3]
end
local function keep(l, us, ...)
  redis.call('HSET', l.key, ...)
  redis.call('PEXPIRE', l.key, min(ceil(us / 1000) + 1, LONGEST))
end
-- after a charge; what is owed has an end
local function owe(l, used, cost) return min(used + cost, l.amount + l.debt) end

-- first day and length of the month that a day is in; years begin with March
local function month(day)
  local e = (day + 719468) % 146097
  local y = floor((e - floor(e / 1460) + floor(e / 36524) - floor(e / 146096)) / 365)
  local d = e - (365 * y + floor(y / 4) - floor(y / 100))
  local m = floor((5 * d + 2) / 153)
  local from, to = floor((153 * m + 2) / 5), floor((153 * (m + 1) + 2) / 5)
  local z = y + 1
  if m == 11 then to = (z % 4 == 0 and (z % 100 ~= 0 or z % 400 == 0)) and 366 or 365 end
  return day - (d - from), to - from
end
local function window(l, t)
  if l.calendar == 0 then return t, t + l.window end
  local t = t + l.offset
  if l.calendar == 1 then
    local from = t - t % l.window - l.offset
    return from, from + l.window
  end
  local first, days = month(floor(t / DAY))
  return first * DAY - l.offset, (first + days) * DAY - l.offset
end

local bucket = {}
function bucket.load(l)
  l.t, l.f, l.s = numbers(l.key, 't', 'f', 's')
  if not l.t then l.t, l.f, l.s = l.burst, 0, time end
  local dt = max(time - l.s, 0)
  l.s = l.s + dt
  local whole = floor(dt / l.window)
  local flow = (dt - whole * l.window) * l.amount + l.f
  local part = floor(flow / l.window)
  l.t, l.f = l.t + whole * l.amount + part, flow - part * l.window
  if l.t >= l.burst then l.t, l.f = l.burst, 0 end
end
function bucket.left(l) return l.t end
function bucket.most(l) return l.burst end
function bucket.wait(l, cost) return ceil(((cost - l.t) * l.window - l.f) / l.amount) end
function bucket.reset(l) return max(bucket.wait(l, l.burst), 0) end
function bucket.charge(l, cost) l.t = max(l.t - cost, -l.debt) end
function bucket.refund(l, cost) l.t = min(l.t + cost, l.burst) end
function bucket.save(l)
  if l.t >= l.burst then redis.call('DEL', l.key)
  else keep(l, bucket.reset(l), 't', l.t, 'f', l.f, 's', l.s) end
end

local fixed = {}
function fixed.load(l)
  local u, s = numbers(l.key, 'u', 's')
  l.s, l.stop = window(l, u and s or time)
  if u and l.calendar == 0 then l.s, l.stop = s, s + l.window end
  if u and time >= l.stop then u = nil; l.s, l.stop = window(l, time) end
  l.u = u or 0
end
function fixed.left(l) return l.amount - l.u end
function fixed.most(l) return l.amount end
function fixed.wait(l) return l.stop - time end
function fixed.reset(l) return l.stop - time end
function fixed.charge(l, cost) l.u = owe(l, l.u, cost) end
function fixed.refund(l, cost) if l.at >= l.s then l.u = max(l.u - cost, 0) end end
function fixed.save(l)
  if l.u == 0 then redis.call('DEL', l.key)
  else keep(l, l.stop - time, 'u', l.u, 's', l.s) end
end

local counter = {}
function counter.load(l)
  l.n, l.b, l.s = numbers(l.key, 'n', 'b', 's')
  if not l.n then l.n, l.b, l.s = 0, 0, time end
  local windows = floor(max(time - l.s, 0) / l.window)
  if windows > 0 then
    l.b = windows == 1 and l.n or 0
    l.n, l.s = 0, l.s + windows * l.window
  end
  if l.n == 0 and l.b == 0 then l.s = time end
  l.over = max(time - l.s, 0)
end
function counter.left(l)
  return l.amount - l.n - ceil(l.b * (l.window - l.over) / l.window)
end
function counter.most(l) return l.amount end
local function room_at(l, before, room)
  if before <= room then return 0 end
  return l.window - floor(room * l.window / before)
end
function counter.wait(l, cost)
  local at
  if l.n + cost <= l.amount then at = room_at(l, l.b, l.amount - cost - l.n)
  else at = l.window + room_at(l, l.n, l.amount - cost) end
  return max(at - l.over, 1)
end
function counter.reset(l)
  return (l.n > 0 and 2 or l.b > 0 and 1 or 0) * l.window - l.over
end
function counter.charge(l, cost) l.n = owe(l, l.n, cost) end
function counter.refund(l, cost)
  if l.at >= l.s then l.n = max(l.n - cost, 0)
  elseif l.at >= l.s - l.window then l.b = max(l.b - cost, 0) end
end
function counter.save(l)
  if l.n == 0 and l.b == 0 then redis.call('DEL', l.key)
  else keep(l, counter.reset(l), 'n', l.n, 'b', l.b, 's', l.s) end
end

-- a sorted set of uses, 'id cost' by time; first of all stands 's', the sum of costs as its score. However long the log
-- is, a call looks at no more than a page of it at a time.
local log, FIRST, PAGE = {}, 1000000000, 64
local function cost_of(use) return tonumber(string.match(use, ' (%d+)$')) end
local function all_cost_one(l) return redis.call('ZCARD', l.key) - 1 == l.sum end
-- the rest is forgotten by later calls, if this one has room already
local function forget(l, before)
  if all_cost_one(l) then
    local gone = redis.call('ZREMRANGEBYSCORE', l.key, FIRST, before)
    l.sum = l.sum - gone
    if gone > 0 then redis.call('ZADD', l.key, l.sum, 's') end
    return
  end
  repeat
    local old = redis.call('ZRANGEBYSCORE', l.key, FIRST, before, 'LIMIT', 0, PAGE)
    if #old == 0 then return end
    for _, use in ipairs(old) do l.sum = l.sum - cost_of(use) end
    redis.call('ZREMRANGEBYRANK', l.key, 1, #old)
    redis.call('ZADD', l.key, l.sum, 's')
  until l.sum + max(l.cost, l.had) <= l.amount
end
function log.load(l)
  l.sum = tonumber(redis.call('ZSCORE', l.key, 's') or 0)
  l.now = time
  if l.sum > 0 then forget(l, time - l.window) end
end
function log.left(l) return l.amount - l.sum end
function log.most(l) return l.amount end
-- by the use that makes room when it leaves. Of costs beyond a page no more is known than that each is at least one: so
-- long it takes at the most.
function log.wait(l, cost)
  local need, n = l.sum + cost - l.amount, 0
  if not all_cost_one(l) then
    for _, use in ipairs(redis.call('ZRANGE', l.key, 1, PAGE)) do
      if need <= 0 then break end
      need, n = need - cost_of(use), n + 1
    end
  end
  local last = min(n + max(need, 0), redis.call('ZCARD', l.key) - 1)
  local use = redis.call('ZRANGE', l.key, last, last, 'WITHSCORES')
  return max(tonumber(use[2]) + l.window - time, 1)
end
function log.reset(l) return l.sum > 0 and l.window or 0 end
function log.charge(l, cost)
  local sum = owe(l, l.sum, cost)
  l.add, l.sum = sum - l.sum, sum
end
function log.refund(l, cost)
  local had = l.had
  local use = id .. ' ' .. string.format('%.0f', had)
  local at = redis.call('ZSCORE', l.key, use)
  if not at then return end
  redis.call('ZREM', l.key, use)
  cost = min(cost, had)
  l.sum = l.sum - cost
  if cost < had then
    redis.call('ZADD', l.key, at, id .. ' ' .. string.format('%.0f', had - cost))
  end
end
function log.save(l)
  if l.sum == 0 then redis.call('DEL', l.key) return end
  if l.add and l.add > 0 then
    local use = id .. ' ' .. string.format('%.0f', l.add)
    if redis.call('ZSCORE', l.key, use) then use = time .. '/' .. use end
    redis.call('ZADD', l.key, time, use)
  end
  redis.call('ZADD', l.key, l.sum, 's')
  redis.call('PEXPIRE', l.key, ceil(l.window / 1000) + 1)
end
-- a server that has lost its memory takes the place anew
function log.renew(l)
  local use = id .. ' ' .. string.format('%.0f', l.cost)
  if redis.call('ZSCORE', l.key, use) then
    redis.call('ZADD', l.key, time, use)
    redis.call('PEXPIRE', l.key, ceil(l.window / 1000) + 1)
  else
    log.charge(l, l.cost)
    log.save(l)
  end
end

local kinds = {[0] = bucket, fixed, log, counter, log}
local limits, granted = {}, true
for i, key in ipairs(KEYS) do
  local l = {key = key}
  l.kind, l.amount, l.window, l.burst, l.calendar, l.offset, l.cost, l.had, l.at, l.dry, l.debt =
    struct.unpack('<ddddddddddd', ARGV[i + 2])
  l.does = kinds[l.kind]
  l.does.load(l)
  l.before = l.does.left(l)
  -- a batch shrinks with what is left, so that in the end all of it is used
  l.charged = max(l.cost, min(l.had, floor(l.before / 64)))
  l.fits = l.before >= l.cost
  granted = granted and (l.fits or l.dry == 1)
  limits[i] = l
end
local out = {granted and 1 or 0, time}
for i, l in ipairs(limits) do
  local does, wait = l.does, 0
  if not l.fits then wait = l.cost > does.most(l) and -1 or does.wait(l, l.cost) end
  if mode == RENEW then
    if does.renew then does.renew(l) end
  elseif mode == REFUND then does.refund(l, l.cost); does.save(l)
  elseif mode == CHARGE then does.charge(l, l.cost); does.save(l)
  elseif granted and l.fits then does.charge(l, l.charged); does.save(l)
  else l.charged = 0 end
  local n = #out
  out[n + 1], out[n + 2] = l.charged, max(does.left(l), 0)
  out[n + 3], out[n + 4] = min(wait, LONGEST), min(does.reset(l), LONGEST)
end
return out
