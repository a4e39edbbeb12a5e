import { script } from '../redis.scripts.js';

/**
 * Tells that the member is at work on these messages. Only on those that are its own: a claim without that check would take back what
 * another member has claimed. Answers the ids that are not its own any more.
 *
 * KEYS: stream · ARGV: group, member, ids…
 */
export const heartbeatScript = script(`
local lost = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2]) > 0 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'JUSTID')
  else
    lost[#lost + 1] = id
  end
end
return lost
`);
