import { OrderedWork, Tally } from '../measures.js';
import { keyOf } from '../payload.js';
import { serve } from '../protocol.js';

serve({
  /** The handlers alone, without a broker: `atOnce` loops that share a counter, which no broker and no library can beat. */
  async ordered(round) {
    const ordered = new OrderedWork();
    const tally = new Tally(round.messages);
    let next = 0;
    const loop = async () => {
      while (next < round.messages) {
        const n = next++;
        await ordered.handle(keyOf(n, round), n);
        tally.end();
      }
    };
    await Promise.all(Array.from({ length: round.atOnce }, loop));
    return ordered.verified(await tally.finished);
  },
});
