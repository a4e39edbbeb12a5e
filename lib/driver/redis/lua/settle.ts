import { script } from '../redis.scripts.js';
import { MARK } from './mark.js';

/**
 * Settles messages of one stream: each is written out and acknowledged, or left as it is. Answers a 1 for each that was settled, a 0
 * for one that is not pending any more (somebody else has settled it, or this is a repeat), or the text of the error that kept it.
 * Answers -1 when the lease of the partition is another's.
 *
 * The order is the point: still pending? → write → acknowledge. A script is not rolled back, so an acknowledgement before a write that
 * fails would lose the message; what was written before a write that fails is taken back.
 *
 * What was settled is noted for the case that the group is removed, so that it is not settled again.
 *
 * KEYS: stream, leases, mark, done, targets… · ARGV: group, member, partition or '', the kinds of the targets (s: stream, z: sorted set), then per
 * message: id, count of writes, and per write: target, number of fields, for a sorted set the delay in ms and the partition, fields.
 */
export const settleScript = script(`${MARK}
local stream, group, member, partition, kinds = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if partition ~= '' and redis.call('HGET', KEYS[2], partition) ~= member then return -1 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wrong = {}
for i = 5, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  local wanted = string.sub(kinds, i - 4, i - 4) == 's' and 'stream' or 'zset'
  if kind ~= 'none' and kind ~= wanted then wrong[i] = 'WRONGTYPE ' .. KEYS[i] .. ' holds a ' .. kind end
end
local at = 5
local function write(target)
  local count = tonumber(ARGV[at])
  if string.sub(kinds, target - 4, target - 4) == 's' then
    local reply = redis.pcall('XADD', KEYS[target], '*', unpack(ARGV, at + 1, at + count))
    at = at + 1 + count
    if type(reply) == 'table' and reply.err then return nil, reply.err end
    return { 'XDEL', KEYS[target], reply }
  end
  local due = now + tonumber(ARGV[at + 1])
  local entry = cmsgpack.pack({ unpack(ARGV, at + 2, at + 2 + count) })
  at = at + 3 + count
  local reply = redis.pcall('ZADD', KEYS[target], due, entry)
  if type(reply) == 'table' and reply.err then return nil, reply.err end
  return { 'ZREM', KEYS[target], entry }
end
local answers, finished = {}, {}
while at <= #ARGV do
  local id, writes = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  local isPending = #redis.call('XPENDING', stream, group, id, id, 1) > 0
  local done, failure = {}, nil
  for _ = 1, writes do
    local target = tonumber(ARGV[at]) + 4
    at = at + 1
    if isPending and not failure and not wrong[target] then
      local undo, err = write(target)
      done[#done + 1] = undo
      failure = err
    else
      if isPending then failure = failure or wrong[target] end
      at = at + 1 + tonumber(ARGV[at]) + (string.sub(kinds, target - 4, target - 4) == 's' and 0 or 2)
    end
  end
  if failure then
    for _, undo in ipairs(done) do redis.call(unpack(undo)) end
    answers[#answers + 1] = failure
  elseif isPending then
    redis.call('XACK', stream, group, id)
    answers[#answers + 1] = 1
    finished[#finished + 1] = string.match(id, '%d+')
    finished[#finished + 1] = id
  else
    answers[#answers + 1] = 0
  end
end
if #finished > 0 then
  local known = redis.call('ZCARD', KEYS[4])
  local count = known + redis.call('ZADD', KEYS[4], unpack(finished))
  if math.floor(count / 1000) > math.floor(known / 1000) then keepMark(stream, group, KEYS[3], KEYS[4]) end
end
return answers
`);
