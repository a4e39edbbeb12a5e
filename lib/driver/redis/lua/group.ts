import { script } from '../redis.scripts.js';

/**
 * Makes the group where it is missing. At the end of the stream it is told how many entries it has passed, so that its lag is known at once.
 * `from` is `0`, `$`, or an entry id at which the group was before it vanished; a stream that does not reach that id is another one
 * and is read from its beginning. The mark that heartbeats keep of what the group had not finished is better than what one member
 * knows, where there is one. Answers 1 when the group was made, 0 when it was there.
 *
 * KEYS: stream, and the mark, for a group that is made again · ARGV: group, from
 */
export const ensureGroupScript = script(`
local from = ARGV[2]
local mark = KEYS[2] and redis.call('GET', KEYS[2])
if mark and string.sub(mark, 1, 1) == '(' then
  from = string.sub(mark, 2)
elseif mark then
  local ms, seq = string.match(mark, '(%d+)-(%d+)')
  from = seq == '0' and string.format('%.0f-18446744073709551615', ms - 1) or string.format('%s-%.0f', ms, seq - 1)
end
if from == '0-0' then from = '0' end
local isThere = redis.call('EXISTS', KEYS[1]) == 1
local added, newest = 0, '0-0'
if isThere then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'entries-added' then added = info[i + 1] end
    if info[i] == 'last-generated-id' then newest = info[i + 1] end
  end
end
local function isBehind(a, b)
  local aMs, aSeq, bMs, bSeq = string.match(a .. ' ' .. b, '(%d+)-(%d+) (%d+)-(%d+)')
  if #aMs ~= #bMs then return #aMs < #bMs end
  if aMs ~= bMs then return aMs < bMs end
  return tonumber(aSeq) < tonumber(bSeq)
end
if from ~= '0' and from ~= '$' and isBehind(newest, from) then from = '0' end
local reply
if from == '$' then
  reply = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '$', 'MKSTREAM', 'ENTRIESREAD', added)
else
  reply = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], from, 'MKSTREAM')
end
if not reply.err then return 1 end
if string.sub(reply.err, 1, 9) == 'BUSYGROUP' then return 0 end
return reply
`);

/** Makes an empty stream: it exists from its first group on, and this one goes again. KEYS: stream */
export const createStreamScript = script(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('XGROUP', 'CREATE', KEYS[1], 'nestjs-messaging', '$', 'MKSTREAM')
redis.call('XGROUP', 'DESTROY', KEYS[1], 'nestjs-messaging')
return 1
`);

/**
 * Ends a member that has nothing pending. With something pending it stays: deleting it would lose those messages.
 *
 * KEYS: stream, members, mark · ARGV: group, member
 */
export const byeScript = script(`
redis.call('ZREM', KEYS[2], ARGV[2])
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('DEL', KEYS[3]) end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if #pending > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
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
