import { Child } from '../support/child.js';

/** Where the records of a topic are that a reader with this isolation sees, as `partition/offset`; read by kcat, which is none of ours. */
export async function readPositions(bootstrapServers: string, topic: string, isolation: string): Promise<string[]> {
  const args = ['-b', bootstrapServers, '-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%p/%o\\n'];
  const reader = Child.run('kcat', [...args, '-X', `isolation.level=${isolation}`]);
  const code = await reader.end();
  if (code !== 0) throw new Error(`kcat: ${reader.lines.slice(-5).join('\n')}`);
  return reader.lines.filter((line) => /^\d+\/\d+$/.test(line));
}
