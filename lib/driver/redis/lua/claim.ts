import { script } from '../redis.scripts.js';

/**
 * Takes over what silent members have not finished, one page of the pending list a call. A message that was delivered twice before may
 * be what ended those processes: of such suspects at most one is taken.
 * Answers the cursor of the next page ('-' at the end), how many entries are gone from the stream, and the entries with their deliveries.
 *
 * KEYS: stream · ARGV: group, member, least idle time, cursor, most entries, most suspects
 */
export const claimScript = script(`
local stream, group, member, idle, cursor = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local room, suspects = tonumber(ARGV[5]), tonumber(ARGV[6])
local page = redis.call('XPENDING', stream, group, cursor, '+', 500)
local taken, gone, last = {}, 0, '-'
for _, entry in ipairs(page) do
  local id, owner, idleFor, deliveries = entry[1], entry[2], entry[3], entry[4]
  if owner ~= member and idleFor >= idle then
    local isSuspect = deliveries >= 2
    if #taken >= room then break end
    if not isSuspect or suspects > 0 then
      local claimed = redis.call('XCLAIM', stream, group, member, idle, id)
      if #claimed == 0 then
        gone = gone + 1
      else
        taken[#taken + 1] = { id, claimed[1][2], deliveries + 1 }
        if isSuspect then suspects = suspects - 1 end
      end
    end
  end
  last = '(' .. id
end
if #page < 500 and #taken < room then last = '-' end
return { last, gone, taken }
`);

/**
 * Takes what is pending and in nobody's hands: of one's own, when the answer to a read was lost; of a whole partition, when it was
 * another's before. Answers the entries with their deliveries; a lost answer counts as none.
 *
 * KEYS: stream, leases · ARGV: group, member, partition or '', 1 when only one's own may be taken, ids…
 */
export const takeScript = script(`
local stream, group, member, partition, own = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
if partition ~= '' and redis.call('HGET', KEYS[2], partition) ~= member then return {} end
local taken = {}
for i = 5, #ARGV do
  local id = ARGV[i]
  local entry = redis.call('XPENDING', stream, group, id, id, 1)[1]
  if entry and (not own or entry[2] == member) then
    local deliveries = entry[2] == member and entry[4] or entry[4] + 1
    local claimed = redis.call('XCLAIM', stream, group, member, 0, id, 'RETRYCOUNT', deliveries)
    if #claimed > 0 then taken[#taken + 1] = { id, claimed[1][2], deliveries } end
  end
end
return taken
`);

/**
 * Gives messages back that were not handled: they stay pending, look as silent as another member needs to see them, and this delivery
 * does not count.
 *
 * KEYS: stream · ARGV: group, member, idle time, then id and deliveries of each
 */
export const giveBackScript = script(`
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2]) > 0 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'IDLE', ARGV[3], 'RETRYCOUNT', ARGV[i + 1], 'JUSTID')
  end
end
return 1
`);
