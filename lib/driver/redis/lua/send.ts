import { script } from '../redis.scripts.js';

/**
 * Writes records one after the other. Answers the entry id of each.
 *
 * KEYS: stream · ARGV: per record: number of fields, fields
 */
export const writeScript = script(`
local ids, at = {}, 1
while at <= #ARGV do
  local count = tonumber(ARGV[at])
  ids[#ids + 1] = redis.call('XADD', KEYS[1], '*', unpack(ARGV, at + 1, at + count))
  at = at + 1 + count
end
return ids
`);

/**
 * Writes records of which nobody knows whether they were written: those that are found by their message id, which is their first field, behind a position known
 * from before are not written again. Answers the entry id of each.
 *
 * KEYS: stream · ARGV: the position, most entries to look at, then per record: message id, number of fields, fields
 */
export const resendScript = script(`
local found, wanted, at = {}, {}, 3
while at <= #ARGV do
  wanted[ARGV[at]] = true
  at = at + 2 + tonumber(ARGV[at + 1])
end
local from, left = '(' .. ARGV[1], tonumber(ARGV[2])
while left > 0 do
  local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 500)
  for _, entry in ipairs(page) do
    local id = entry[2][2]
    if wanted[id] then found[id] = entry[1] end
  end
  if #page < 500 then break end
  from, left = '(' .. page[#page][1], left - #page
end
local answers = {}
at = 3
while at <= #ARGV do
  local id, count = ARGV[at], tonumber(ARGV[at + 1])
  answers[#answers + 1] = found[id] or redis.call('XADD', KEYS[1], '*', unpack(ARGV, at + 2, at + 1 + count))
  at = at + 2 + count
end
return answers
`);

/**
 * Writes a record, or keeps it back for a while by the server's clock, once for its idempotency key and, as long as the key lives, on every repeat.
 * Answers the entry id, which is empty for a delayed one.
 *
 * KEYS: stream, delayed set, dedupe key · ARGV: the dedupe key's lifetime in ms or 0, delay in ms or -1, partition, fields…
 */
export const sendOnceScript = script(`
local ttl, delay = tonumber(ARGV[1]), tonumber(ARGV[2])
if ttl > 0 then
  local known = redis.call('GET', KEYS[3])
  if known then return known end
end
local id = ''
if delay >= 0 then
  local time = redis.call('TIME')
  local due = time[1] * 1000 + math.floor(time[2] / 1000) + delay
  redis.call('ZADD', KEYS[2], due, cmsgpack.pack({ unpack(ARGV, 3) }))
else
  id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 4))
end
if ttl > 0 then redis.call('SET', KEYS[3], id, 'PX', ttl) end
return id
`);

/**
 * Moves what is due from a delayed set to its streams, by the server's clock. Answers how many were moved, and after how many ms the
 * next is due (-1: none).
 *
 * KEYS: delayed set, streams…
 */
export const moveScript = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, 100)
for _, packed in ipairs(due) do
  local entry = cmsgpack.unpack(packed)
  redis.call('XADD', KEYS[2 + tonumber(entry[1])] or KEYS[2], '*', unpack(entry, 2))
  redis.call('ZREM', KEYS[1], packed)
end
local nextOne = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if #nextOne == 0 then return { #due, -1 } end
return { #due, math.max(0, math.floor(nextOne[2] - now)) }
`);
