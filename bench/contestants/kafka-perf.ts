import { classPath, JAVA } from '../../test/support/brokers/java.js';
import { KAFKA_VERSION } from '../../test/support/brokers/kafka.js';
import { run } from '../../test/support/brokers/process.js';
import { serve, type Round, type Sample } from '../protocol.js';

const TOOLS = [`org.apache.kafka:kafka-tools:${KAFKA_VERSION}`, 'org.slf4j:slf4j-simple:1.7.36'];

/** Runs one of Kafka's own measuring tools; its CPU is that of the whole Java process, its start included; its memory is not known. */
async function tool(
  round: Round,
  name: string,
  args: readonly string[],
  rateOf: (text: string) => number,
): Promise<Sample> {
  const path = await classPath(`kafka-tools-${KAFKA_VERSION}`, TOOLS);
  const common = ['--bootstrap-server', round.broker, '--topic', round.topic, '--num-records', String(round.messages)];
  const command = [JAVA, '-Xmx256m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', path];
  const { stdout } = await run('sh', [
    '-c',
    '"$@"; times',
    'sh',
    ...command,
    `org.apache.kafka.tools.${name}`,
    ...common,
    ...args,
  ]);
  const perSecond = rateOf(stdout);
  if (!(perSecond > 0)) throw new Error(`${name} told no rate:\n${stdout}`);
  const ms = (round.messages / perSecond) * 1_000;
  return { messages: round.messages, ms, cpuMicros: cpuOf(stdout), peakRssBytes: 0 };
}

/** The last line of `times`: user and system time of the shell's children, as `0m1.250s 0m0.120s`. */
function cpuOf(text: string): number {
  const times = text.trim().split('\n').at(-1) ?? '';
  const seconds = [...times.matchAll(/(\d+)m([\d.]+)s/g)].map(([, m, s]) => Number(m) * 60 + Number(s));
  return seconds.reduce((sum, one) => sum + one, 0) * 1e6;
}

serve({
  singles: (round) =>
    tool(round, 'ProducerPerformance', ['--record-size', String(round.size), '--throughput', '-1'], (text) => {
      const rates = [...text.matchAll(/ ([\d.]+) records\/sec/g)];
      return Number(rates.at(-1)?.[1]);
    }),

  consume: (round) =>
    tool(round, 'ConsumerPerformance', ['--group', round.groupId], (text) => {
      const fields = /^\d{4}-\d\d-.*$/m.exec(text)?.[0].split(', ') ?? [];
      return Number(fields.at(-1)); // messages a second, the joining of the group left out
    }),
});
