import { script } from '../redis.scripts.js';

/**
 * Tells that the member is alive, by the server's clock, and at work on these messages. Only on those that are its own: a claim without that check would take back what
 * another member has claimed. Answers the ids that are not its own any more. Keeps a mark of what the group has not finished, for the case
 * that somebody removes it.
 *
 * KEYS: stream, members, mark · ARGV: group, member, lifetime in ms, ids…
 */
export const heartbeatScript = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[3]), ARGV[2])
local pending = redis.call('XPENDING', KEYS[1], ARGV[1])
local mark = pending[2]
for _, info in ipairs(mark and {} or redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local own = {}
  for i = 1, #info, 2 do own[info[i]] = info[i + 1] end
  if own.name == ARGV[1] then mark = '(' .. own['last-delivered-id'] end
end
redis.call('SET', KEYS[3], mark)
local lost = {}
for i = 4, #ARGV do
  local id = ARGV[i]
  if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2]) > 0 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'JUSTID')
  else
    lost[#lost + 1] = id
  end
end
return lost
`);
