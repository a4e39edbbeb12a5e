import { script } from '../redis.scripts.js';

/**
 * Renews a member and gives it its share of a topic's partitions: those it has, and free ones up to an even share. A partition is free
 * when nobody has it or its member has not renewed in time, by the server's clock. Answers the even share and the member's partitions.
 *
 * KEYS: members, leases · ARGV: member, lifetime in ms, number of partitions, 0 when it takes no more
 */
export const renewScript = script(`
local member, partitions = ARGV[1], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), member)
local share = math.ceil(partitions / redis.call('ZCARD', KEYS[1]))
local own, free = {}, {}
for index = 0, partitions - 1 do
  local holder = redis.call('HGET', KEYS[2], index)
  if holder == member then
    own[#own + 1] = index
  elseif not holder or not redis.call('ZSCORE', KEYS[1], holder) then
    free[#free + 1] = index
  end
end
for _, index in ipairs(free) do
  if #own >= share or ARGV[4] == '0' then break end
  redis.call('HSET', KEYS[2], index, member)
  own[#own + 1] = index
end
return { share, own }
`);

/** Gives up a partition, if it is still the member's. KEYS: leases · ARGV: member, partition */
export const releaseScript = script(`
if redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[1] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[2])
`);

/**
 * Reads new messages of a partition, only while the lease is the member's: a late reader would otherwise take messages that the new
 * owner then passes over. Answers the entries, and where the group stands.
 *
 * KEYS: stream, leases · ARGV: group, member, partition, most entries
 */
export const readLeasedScript = script(`
if redis.call('HGET', KEYS[2], ARGV[3]) ~= ARGV[2] then return { {}, '' } end
local reply = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[4], 'STREAMS', KEYS[1], '>')
if reply then return { reply[1][2], '' } end
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local own = {}
  for i = 1, #info, 2 do own[info[i]] = info[i + 1] end
  if own.name == ARGV[1] then return { {}, own['last-delivered-id'] } end
end
return { {}, '' }
`);
