// One row in this process: `child.js H01-null`. The spec that runs it sets the bounds of heap and time.
import { rows } from './rows.js';
import type { ChildResult } from './child-row.js';

async function outcomeOf(run: () => unknown): Promise<Omit<ChildResult, 'cpuMs'>> {
  try {
    return { outcome: 'none', text: JSON.stringify(await run()) };
  } catch (error) {
    const { name, message } = error as Error;
    return { outcome: name, text: message };
  }
}

const [, , id] = process.argv;
const row = rows.find((one) => one.id === id);
if (!row) throw new Error(`no row ${id}`);
const before = process.cpuUsage();
const result = await outcomeOf(row.run);
const { user, system } = process.cpuUsage(before);
process.stdout.write(JSON.stringify({ ...result, cpuMs: (user + system) / 1_000 }), () => process.exit(0));
