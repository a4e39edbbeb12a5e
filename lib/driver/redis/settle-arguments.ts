import type { Argument } from './redis.scripts.js';

/** Something to write together with the acknowledgement of its message. */
export interface Write {
  readonly key: string;
  readonly fields: readonly (string | Buffer)[];
  readonly bytes: number;
  /** For a delayed set: when it is due, and the partition to which it goes then. */
  readonly delayed?: { readonly dueAt: number; readonly partition: number };
}

export interface Settlement {
  readonly id: string;
  readonly writes: readonly Write[];
}

/** What `settleScript` takes: the keys that are written to, their kinds, and the messages. @param now milliseconds since the epoch */
export function settleArguments(batch: readonly Settlement[], now: number) {
  const targets = new Map<string, number>();
  let kinds = '';
  const args: Argument[] = [];
  for (const { id, writes } of batch) {
    args.push(id, writes.length);
    for (const { key, fields, delayed } of writes) {
      const target = targets.get(key) ?? targets.size + 1;
      if (!targets.has(key)) kinds += delayed ? 'z' : 's';
      targets.set(key, target);
      args.push(target, fields.length);
      // the server's clock counts it down, which may not be this one
      if (delayed) args.push(Math.max(delayed.dueAt - now, 0), delayed.partition);
      args.push(...fields);
    }
  }
  return { targets: [...targets.keys()], kinds, args };
}
