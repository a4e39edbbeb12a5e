import { script } from '../redis.scripts.js';
import { MARK } from './mark.js';

/** In whose name messages are pending whose member has left. */
export const NOBODY = 'nestjs-messaging:nobody';

/**
 * Makes the group where it is missing. At the end of the stream it is told how many entries it has passed, so that its lag is known at
 * once. What is kept of a group of that name that was there before does not count. Answers 1 when the group was made, 0 when it was there.
 *
 * KEYS: stream, mark, done · ARGV: group, `0` or `$`
 */
export const ensureGroupScript = script(`${MARK}
local stream, group, from = KEYS[1], ARGV[1], ARGV[2]
local passed = from == '$' and { 'ENTRIESREAD', entriesAdded(stream) } or {}
local reply = redis.pcall('XGROUP', 'CREATE', stream, group, from, 'MKSTREAM', unpack(passed))
if not reply.err then
  redis.call('DEL', KEYS[2], KEYS[3])
elseif string.sub(reply.err, 1, 9) ~= 'BUSYGROUP' then
  return reply
end
keepMark(stream, group, KEYS[2], KEYS[3])
return reply.err and 0 or 1
`);

/**
 * Makes a group again that was removed: behind the last message that it finished, and what it had not finished before that is pending in
 * the hands of the member who asks. Where that is too much to look through in one step, the group goes back to the mark. Without a mark
 * all data was lost, and a stream with fewer entries than the mark has seen is another one: those are read from their beginning.
 * Answers 1 when the group was made, 0 when it was there.
 *
 * KEYS: stream, mark, done · ARGV: group, member, most unfinished messages
 */
export const restoreGroupScript = script(`${MARK}
local stream, mark, done, group, member, most = KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], tonumber(ARGV[3])
if lastDelivered(stream, group) then return 0 end
local position, seen = string.match(redis.call('GET', mark) or '', '(%S+) (%d+)')
if not position or entriesAdded(stream) < tonumber(seen) then
  position = '0-0'
  redis.call('DEL', done)
end
local last, finished, unfinished = position, {}, {}
for _, id in ipairs(redis.call('ZRANGE', done, 0, -1)) do
  finished[id] = true
  if isBehind(last, id) then last = id end
end
local from = position
while last ~= position do
  local page = redis.call('XRANGE', stream, '(' .. from, last, 'COUNT', 500)
  for _, entry in ipairs(page) do
    from = entry[1]
    if not finished[from] then unfinished[#unfinished + 1] = from end
  end
  if #unfinished > most then last, unfinished = position, {} end
  if #page < 500 then break end
end
redis.call('XGROUP', 'CREATE', stream, group, last, 'MKSTREAM')
for _, id in ipairs(unfinished) do redis.call('XCLAIM', stream, group, member, 0, id, 'FORCE', 'JUSTID') end
keepMark(stream, group, mark, done)
return 1
`);

/** Makes an empty stream: it exists from its first group on, and this one goes again. KEYS: stream */
export const createStreamScript = script(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('XGROUP', 'CREATE', KEYS[1], 'nestjs-messaging', '$', 'MKSTREAM')
redis.call('XGROUP', 'DESTROY', KEYS[1], 'nestjs-messaging')
return 1
`);

/**
 * Ends a member. What it leaves pending is in nobody's hands from then on, as idle and as often delivered as it was: under the name of
 * the member it would look alive.
 *
 * KEYS: stream, members, mark, done · ARGV: group, member
 */
export const byeScript = script(`
local stream, group, member = KEYS[1], ARGV[1], ARGV[2]
redis.call('ZREM', KEYS[2], member)
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('DEL', KEYS[3], KEYS[4]) end
repeat
  local page = redis.call('XPENDING', stream, group, '-', '+', 500, member)
  for _, entry in ipairs(page) do
    redis.call('XCLAIM', stream, group, '${NOBODY}', 0, entry[1], 'IDLE', entry[3], 'RETRYCOUNT', entry[4], 'JUSTID')
  end
until #page == 0
return redis.call('XGROUP', 'DELCONSUMER', stream, group, member)
`);

/**
 * Ends the members that died long ago and whose messages others have finished. Answers how many.
 *
 * KEYS: stream · ARGV: group, least idle time
 */
export const buryScript = script(`
local count = 0
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local own = {}
  for i = 1, #info, 2 do own[info[i]] = info[i + 1] end
  if own.pending == 0 and own.idle >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], own.name)
    count = count + 1
  end
end
return count
`);
