/**
 * The scripts by which a sale's state in Redis changes; each runs alone, so what it sees holds until it ends.
 *
 * KEYS: those of `SaleKeys.of`, for all the same. ARGV[1]: the run_id of the server that the caller believes to talk to.
 *       What was built for another, or for none, may have been lost in part, also where an old dump brought some of it back:
 *       nothing may be concluded from it, and all but the rebuilding scripts answer NOT_READY then.
 */
import { LuaScript } from './lua-script.ts';

const frame = `
local state, sale, tickets, users, pending, outcomes, rebuild = unpack(KEYS)
local function nowMs()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function takeBack(ticket)
  local user = redis.call('HGET', tickets, ticket)
  if not user then return 0 end
  redis.call('HDEL', tickets, ticket)
  if redis.call('HINCRBY', users, user, -1) <= 0 then redis.call('HDEL', users, user) end
  return 1
end
`;

const onlyWhenReady = `
if redis.call('GET', state) ~= ARGV[1] then return 'NOT_READY' end
`;

/** ARGV: ticket, user, ticket, user, … Answers OVER, or NOT_STARTED and in how many ms, or OPEN, now, what is left, sku, one letter each. */
export const admitScript = new LuaScript(`${frame}${onlyWhenReady}
local terms = redis.call('HMGET', sale, 'state', 'startsAtMs', 'endsAtMs', 'limit', 'remaining', 'sku')
local now = nowMs()
if terms[1] ~= 'OPEN' or now >= tonumber(terms[3]) then return {'OVER'} end
if now < tonumber(terms[2]) then return {'NOT_STARTED', tonumber(terms[2]) - now} end
local limit, remaining = tonumber(terms[4]), tonumber(terms[5])
local letters, added = {}, {}
for i = 2, #ARGV, 2 do
  local ticket, user = ARGV[i], ARGV[i + 1]
  if tonumber(redis.call('HGET', users, user) or 0) >= limit then
    letters[#letters + 1] = 'B'
  elseif remaining <= 0 then
    letters[#letters + 1] = 'S'
  elseif redis.call('HSETNX', tickets, ticket, user) == 0 then
    letters[#letters + 1] = 'D'
  else
    redis.call('HINCRBY', users, user, 1)
    remaining = remaining - 1
    added[#added + 1] = now
    added[#added + 1] = ticket
    letters[#letters + 1] = 'A'
  end
end
if #added > 0 then
  redis.call('HSET', sale, 'remaining', remaining)
  redis.call('ZADD', pending, unpack(added))
end
return {'OPEN', now, remaining, terms[6], table.concat(letters)}
`);

/**
 * ARGV: tickets. Answers which of them hold no piece any more and have come to nothing, or are just being given up: a pending
 * ticket that `pendingScript` has marked stays so, and is nobody's to be told of as safe.
 */
export const confirmScript = new LuaScript(`${frame}${onlyWhenReady}
local given = {unpack(ARGV, 2)}
local since = redis.call('ZMSCORE', pending, unpack(given))
local holders = redis.call('HMGET', tickets, unpack(given))
local void, safe = {}, {}
for i, ticket in ipairs(given) do
  if since[i] and tonumber(since[i]) < 0 then
    void[#void + 1] = ticket
  else
    safe[#safe + 1] = ticket
    if not holders[i] then
      local outcome = redis.call('HGET', outcomes, ticket)
      if not outcome or cjson.decode(outcome).status == 'VOID' then void[#void + 1] = ticket end
    end
  end
end
if #safe > 0 then redis.call('ZREM', pending, unpack(safe)) end
return void
`);

/** ARGV: the stock channel, tickets. Answers how many pieces came back. */
export const giveBackScript = new LuaScript(`${frame}${onlyWhenReady}
local count = 0
for i = 3, #ARGV do
  count = count + takeBack(ARGV[i])
  redis.call('ZREM', pending, ARGV[i])
end
if count > 0 then
  redis.call('PUBLISH', ARGV[2], redis.call('HINCRBY', sale, 'remaining', count))
end
return count
`);

/**
 * ARGV: the stock channel, the outcomes channel, when all may be forgotten (ms), then ticket, user, status, outcome as JSON, and
 * so on. Answers how many pieces came back.
 *
 * What has come to nothing stays so: an ORDERED that comes after it is told again, late. An ordered ticket that is not there (its
 * message was on its way when the state was rebuilt) takes a piece now; the rest may then be less than none.
 */
export const settleScript = new LuaScript(`${frame}${onlyWhenReady}
local change, hasCome, told = 0, false, {}
for i = 5, #ARGV, 4 do
  local ticket, user, status, outcome = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  redis.call('ZREM', pending, ticket)
  local before = redis.call('HGET', outcomes, ticket)
  local wasLive = not before or cjson.decode(before).status == 'ORDERED'
  if status ~= 'ORDERED' then
    local came = takeBack(ticket)
    change = change + came
    if came > 0 then hasCome = true end
  elseif wasLive and redis.call('HSETNX', tickets, ticket, user) == 1 then
    redis.call('HINCRBY', users, user, 1)
    change = change - 1
  end
  if wasLive and before ~= outcome then
    redis.call('HSET', outcomes, ticket, outcome)
    told[#told + 1] = outcome
  end
end
if change ~= 0 then
  local remaining = redis.call('HINCRBY', sale, 'remaining', change)
  if hasCome then redis.call('PUBLISH', ARGV[2], remaining) end
end
if #told > 0 then
  redis.call('PUBLISH', ARGV[3], '[' .. table.concat(told, ',') .. ']')
  for _, key in ipairs({tickets, users, pending, outcomes}) do redis.call('PEXPIREAT', key, ARGV[4]) end
end
return change
`);

/**
 * ARGV: an age in ms, a count. Answers ticket, user, ticket, user, … of those pending for longer, oldest first, and marks them
 * (their time becomes −1): from then on no gate says of one that it is safe, and the ledger decides what it is.
 */
export const pendingScript = new LuaScript(`${frame}${onlyWhenReady}
local old = redis.call('ZRANGEBYSCORE', pending, '-inf', nowMs() - ARGV[2], 'LIMIT', 0, ARGV[3])
local found = {}
for _, ticket in ipairs(old) do
  local user = redis.call('HGET', tickets, ticket)
  if user then
    redis.call('ZADD', pending, 'XX', -1, ticket)
    found[#found + 1] = ticket
    found[#found + 1] = user
  else
    redis.call('ZREM', pending, ticket)
  end
end
return found
`);

/** ARGV: tickets. Their messages have come after all: they are pending no more. */
export const keepScript = new LuaScript(`${frame}${onlyWhenReady}
return redis.call('ZREM', pending, unpack(ARGV, 2))
`);

/** ARGV: a ticket. Answers its user ('' when it holds no piece) and its outcome ('' when there is none yet). */
export const lookUpScript = new LuaScript(`${frame}${onlyWhenReady}
return {redis.call('HGET', tickets, ARGV[2]) or '', redis.call('HGET', outcomes, ARGV[2]) or ''}
`);

/** Answers state and what is left. */
export const readScript = new LuaScript(`${frame}${onlyWhenReady}
return redis.call('HMGET', sale, 'state', 'remaining')
`);

/** ARGV: the sales channel, the sale's id. */
export const closeScript = new LuaScript(`${frame}${onlyWhenReady}
redis.call('HSET', sale, 'state', 'CLOSED')
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 'CLOSED'
`);

/**
 * ARGV: a token, for how many ms it is good. Answers READY, LOCKED (somebody else is building) or BEGUN. The turn is one at this
 * server only: an old dump may bring back a token and half of what was loaded under it.
 */
export const beginRebuildScript = new LuaScript(`${frame}
if redis.call('GET', state) == ARGV[1] then return 'READY' end
local held = redis.call('GET', rebuild)
if held and string.sub(held, 1, #ARGV[1] + 1) == ARGV[1] .. ' ' then return 'LOCKED' end
redis.call('SET', rebuild, ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
redis.call('UNLINK', state, sale, tickets, users, pending, outcomes)
return 'BEGUN'
`);

const onlyWhoseTurnItIs = `
if redis.call('GET', rebuild) ~= ARGV[1] .. ' ' .. ARGV[2] or redis.call('GET', state) == ARGV[1] then return 'LOST' end
`;

/** ARGV: a token, for how many ms more it is good, then ticket, user, outcome as JSON ('' when there is none yet), and so on. Answers LOST when it is not good any more. */
export const loadScript = new LuaScript(`${frame}${onlyWhoseTurnItIs}
redis.call('PEXPIRE', rebuild, ARGV[3])
for i = 4, #ARGV, 3 do
  if redis.call('HSETNX', tickets, ARGV[i], ARGV[i + 1]) == 1 then
    redis.call('HINCRBY', users, ARGV[i + 1], 1)
  end
  if ARGV[i + 2] ~= '' then redis.call('HSET', outcomes, ARGV[i], ARGV[i + 2]) end
end
return 'LOADED'
`);

/** ARGV: a token, the stock channel, when all may be forgotten (ms), the stock, then the sale's other fields. Answers LOST or what is left. */
export const finishRebuildScript = new LuaScript(`${frame}${onlyWhoseTurnItIs}
local remaining = ARGV[5] - redis.call('HLEN', tickets)
redis.call('HSET', sale, 'remaining', remaining, unpack(ARGV, 6))
redis.call('SET', state, ARGV[1])
redis.call('DEL', rebuild)
for i = 1, 6 do redis.call('PEXPIREAT', KEYS[i], ARGV[4]) end
redis.call('PUBLISH', ARGV[3], remaining)
return remaining
`);
