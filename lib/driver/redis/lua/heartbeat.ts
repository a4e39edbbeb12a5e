import { script } from '../redis.scripts.js';
import { MARK } from './mark.js';

/**
 * Tells that the member is alive, by the server's clock, and at work on these messages. Only on those that are its own: a claim without
 * that check would take back what another member has claimed. Answers the ids that are not its own any more; those that the group has
 * not got since it was made again are about to come. Keeps the mark of the group.
 *
 * KEYS: stream, members, mark, done · ARGV: group, member, lifetime in ms, ids…
 */
export const heartbeatScript = script(`${MARK}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[3]), ARGV[2])
keepMark(KEYS[1], ARGV[1], KEYS[3], KEYS[4])
local last, lost = lastDelivered(KEYS[1], ARGV[1]), {}
for i = 4, #ARGV do
  local id = ARGV[i]
  if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2]) > 0 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'JUSTID')
  elseif not isBehind(last, id) then
    lost[#lost + 1] = id
  end
end
return lost
`);
