import { script } from '../redis.scripts.js';

/**
 * Counts what a group has not got yet, and what is pending. Answers both; -1 and 0 when there is no such group.
 *
 * KEYS: stream · ARGV: group, most entries to count
 */
export const lagScript = script(`
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local own = {}
  for i = 1, #info, 2 do own[info[i]] = info[i + 1] end
  if own.name == ARGV[1] then
    local from, count, most = '(' .. own['last-delivered-id'], 0, tonumber(ARGV[2])
    while count < most do
      local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', math.min(500, most - count))
      count = count + #page
      if #page < 500 then break end
      from = '(' .. page[#page][1]
    end
    return { count, own.pending }
  end
end
return { -1, 0 }
`);
