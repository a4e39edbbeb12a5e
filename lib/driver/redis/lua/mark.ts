import { script } from '../redis.scripts.js';

/**
 * What is needed to make a group again that somebody has removed. With it the server forgets where it was and what was unfinished, so
 * both are kept beside it: the mark, an entry up to which all is finished, and the set of what is finished behind the mark (at most 100,000
 * entries), into which each settlement goes in the step that makes it. Since that set grows behind a message that stays unfinished, the
 * mark moves often. It tells streams apart as well: one that has had fewer entries is another one.
 */
export const MARK = `
local function mapOf(reply)
  local map = {}
  for i = 1, #reply, 2 do map[reply[i]] = reply[i + 1] end
  return map
end
local function isBehind(a, b)
  local aMs, aSeq, bMs, bSeq = string.match(a .. ' ' .. b, '(%d+)-(%d+) (%d+)-(%d+)')
  if #aMs ~= #bMs then return #aMs < #bMs end
  if aMs ~= bMs then return aMs < bMs end
  return tonumber(aSeq) < tonumber(bSeq)
end
local function before(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  if seq == '0' then return string.format('%.0f-18446744073709551615', ms - 1) end
  return string.format('%s-%.0f', ms, seq - 1)
end
local function lastDelivered(stream, group)
  if redis.call('EXISTS', stream) == 0 then return nil end
  for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local info = mapOf(row)
    if info.name == group then return info['last-delivered-id'] end
  end
end
local function entriesAdded(stream)
  if redis.call('EXISTS', stream) == 0 then return 0 end
  return mapOf(redis.call('XINFO', 'STREAM', stream))['entries-added']
end
local function keepMark(stream, group, mark, done)
  local oldest, position = redis.call('XPENDING', stream, group, '-', '+', 1)[1], nil
  if oldest then
    position = before(oldest[1])
    redis.call('ZREMRANGEBYSCORE', done, '-inf', '(' .. string.match(position, '%d+'))
    redis.call('ZREMRANGEBYRANK', done, 0, -100001)
  else
    position = lastDelivered(stream, group)
    redis.call('DEL', done)
  end
  redis.call('SET', mark, position .. ' ' .. entriesAdded(stream))
end
`;

/** Brings the mark of a group up to date. KEYS: stream, mark, done · ARGV: group */
export const markScript = script(`${MARK}
keepMark(KEYS[1], ARGV[1], KEYS[2], KEYS[3])
return 1
`);
