import { script } from '../redis.scripts.js';
import { NOBODY } from './group.js';

/** Members of other programs do not register themselves as ours do: they count until they have been silent for too long. */
const HELPERS = `
local function infoOf(rows, name)
  for _, row in ipairs(rows) do
    local own = {}
    for i = 1, #row, 2 do own[row[i]] = row[i + 1] end
    if own.name == name then return own end
  end
end
local function groupOf(stream, group)
  if redis.call('EXISTS', stream) == 0 then return nil end
  return infoOf(redis.call('XINFO', 'GROUPS', stream), group)
end
local function liveOf(stream, members, group, silent)
  local time = redis.call('TIME')
  local now = string.format('(%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  local live, known = redis.call('ZRANGE', members, now, '+inf', 'BYSCORE'), { ['${NOBODY}'] = true }
  for _, name in ipairs(live) do known[name] = true end
  for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    local own = {}
    for i = 1, #row, 2 do own[row[i]] = row[i + 1] end
    if not known[own.name] and own.idle < tonumber(silent) then live[#live + 1] = own.name end
  end
  return live
end
`;

/**
 * Where a group is on a stream: the last entry that it got, how many are pending, the oldest of them, its live members, and which of them
 * has the lease. Answers nothing when there is no such group.
 *
 * KEYS: stream, members, leases · ARGV: group, partition, silent time in ms
 */
export const groupStateScript = script(`${HELPERS}
local info = groupOf(KEYS[1], ARGV[1])
if not info then return {} end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1])
local owner = redis.call('HGET', KEYS[3], ARGV[2])
return { info['last-delivered-id'], pending[1], pending[2] or '', liveOf(KEYS[1], KEYS[2], ARGV[1], ARGV[3]), owner or '' }
`);

/**
 * Moves a group that has no members, and makes it where it is missing. What was pending counts as done, or comes again, by the new
 * position alone. Answers how many members kept it from that.
 *
 * KEYS: stream, members, mark, done · ARGV: group, the entry id behind which it goes on, silent time in ms
 */
export const seekScript = script(`${HELPERS}
local stream, group = KEYS[1], ARGV[1]
if not groupOf(stream, group) then
  redis.call('XGROUP', 'CREATE', stream, group, ARGV[2])
  redis.call('DEL', KEYS[3], KEYS[4])
  return 0
end
local live = liveOf(stream, KEYS[2], group, ARGV[3])
if #live > 0 then return #live end
redis.call('XGROUP', 'SETID', stream, group, ARGV[2])
redis.call('DEL', KEYS[3], KEYS[4])
repeat
  local page = redis.call('XPENDING', stream, group, '-', '+', 500)
  for _, entry in ipairs(page) do redis.call('XACK', stream, group, entry[1]) end
until #page == 0
return 0
`);

/** Removes a group that has no members. Answers how many kept it from that. KEYS: stream, members, others… · ARGV: group, silent time in ms */
export const destroyGroupScript = script(`${HELPERS}
if groupOf(KEYS[1], ARGV[1]) then
  local live = liveOf(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
  if #live > 0 then return #live end
  redis.call('XGROUP', 'DESTROY', KEYS[1], ARGV[1])
end
redis.call('DEL', unpack(KEYS, 2))
return 0
`);

/** Reads entries without any group, and tells up to where the stream then goes. KEYS: stream · ARGV: first id, most entries */
export const peekScript = script(`
local entries = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then return { {}, '0-0' } end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then return { entries, info[i + 1] } end
end
return { entries, '0-0' }
`);

/** Counts entries. Answers how many there are, and the last that was counted. KEYS: stream · ARGV: first id, most entries */
export const countScript = script(`
local from, last, count, most = ARGV[1], '', 0, tonumber(ARGV[2])
while count < most do
  local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', math.min(500, most - count))
  count = count + #page
  if #page > 0 then last = page[#page][1] end
  if #page < 500 then break end
  from = '(' .. last
end
return { count, last }
`);
