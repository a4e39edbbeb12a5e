import { Redis } from 'ioredis';
import { oneByOne, singly, Tally } from '../measures.js';
import { json, keyOf } from '../payload.js';
import { serve, type Round } from '../protocol.js';

type Reply = readonly (readonly [
  stream: string,
  entries: readonly (readonly [id: string, fields: readonly string[]])[],
])[];

let client: Redis | undefined;

function connected({ broker }: Round): Redis {
  client ??= new Redis(broker);
  return client;
}

function sender(round: Round): (n: number) => Promise<unknown> {
  const own = connected(round);
  return (n) => own.xadd(round.topic, '*', 'key', keyOf(n, round), 'data', json(n, round));
}

serve({
  singles: async (round) => singly(round, sender(round)),

  awaited: async (round) => oneByOne(round, sender(round)),

  /** Reads `atOnce` entries and acknowledges them in one command. */
  async consume(round) {
    const own = connected(round);
    const tally = new Tally(round.messages);
    await own.xgroup('CREATE', round.topic, round.groupId, '0');
    for (let seen = 0; seen < round.messages;) {
      const reply = await own.xreadgroup(
        'GROUP',
        round.groupId,
        'one',
        'COUNT',
        round.atOnce,
        'STREAMS',
        round.topic,
        '>',
      );
      const entries = (reply as Reply | null)?.[0]?.[1] ?? [];
      for (const [, fields] of entries) JSON.parse(fields[fields.indexOf('data') + 1] as string);
      await own.xack(round.topic, round.groupId, ...entries.map(([id]) => id));
      seen += entries.length;
      tally.end(entries.length);
    }
    return tally.finished;
  },
});
