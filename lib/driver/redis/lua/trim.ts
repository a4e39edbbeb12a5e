import { script } from '../redis.scripts.js';

/**
 * Removes what is older than the topic keeps, or more than it keeps, read or not. Answers how many entries went, then the groups that
 * had not read all of them.
 *
 * KEYS: stream · ARGV: age in ms, most entries or 0
 */
export const trimScript = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return { 0 } end
local unread = {}
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local own = {}
  for i = 1, #info, 2 do own[info[i]] = info[i + 1] end
  local oldest = redis.call('XRANGE', KEYS[1], '(' .. own['last-delivered-id'], '+', 'COUNT', 1)[1]
  if oldest then unread[own.name] = oldest[1] end
end
local time = redis.call('TIME')
local floor = string.format('%.0f', math.max(0, time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1])))
local removed = redis.call('XTRIM', KEYS[1], 'MINID', '~', floor)
if tonumber(ARGV[2]) > 0 then removed = removed + redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[2]) end
local answer = { removed }
if removed == 0 then return answer end
for name, id in pairs(unread) do
  if #redis.call('XRANGE', KEYS[1], id, id) == 0 then answer[#answer + 1] = name end
end
return answer
`);
