import { expect } from 'vitest';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { type Ended, Project } from './project.js';

/** What differs between the brokers for somebody at the command line. */
export interface CliBroker {
  readonly place: 'kafka' | 'redis';
  readonly address: string | undefined;
  readonly environment: NodeJS.ProcessEnv;
  /** The flag that names the server, and an address where nobody is. */
  readonly flag: '-b' | '-u';
  readonly nobody: string;
}

const [kafka, redis] = [brokerAddress('kafka'), brokerAddress('redis')];

export const CLI_BROKERS: readonly CliBroker[] = [
  {
    place: 'kafka',
    address: kafka,
    environment: { KAFKA_BOOTSTRAP_SERVERS: kafka },
    flag: '-b',
    nobody: '127.0.0.1:1',
  },
  {
    place: 'redis',
    address: redis,
    environment: { REDIS_URL: redis, MESSAGING_BROKER: 'redis' },
    flag: '-u',
    nobody: 'redis://127.0.0.1:1',
  },
];

export interface Position {
  readonly topic: string;
  readonly position: string | null;
  readonly end: string;
  readonly lag: number | null;
}

/** `messaging kafka` or `messaging redis` in a project with the test app. */
export class CommandLine {
  readonly project: Project;

  constructor(private readonly broker: CliBroker) {
    this.project = new Project(broker.environment);
    this.project.buildApp();
  }

  run(args: readonly string[], input?: string, env?: NodeJS.ProcessEnv): Promise<Ended> {
    return this.project.run([this.broker.place, ...args], input, env);
  }

  /** Of a command that ends with 0. */
  async ok(args: readonly string[], input?: string, env?: NodeJS.ProcessEnv): Promise<Ended> {
    const ended = await this.run(args, input, env);
    expect({ code: ended.code, fault: ended.code === 0 ? '' : ended.stderr }).toEqual({ code: 0, fault: '' });
    return ended;
  }

  /** What `--json` prints, an object a line. */
  async json<T = Record<string, unknown>>(args: readonly string[]): Promise<T[]> {
    const { stdout } = await this.ok([...args, '--json']);
    const lines = stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as T);
  }

  /** All messages of a topic, as text. */
  async printed(topic: string): Promise<string> {
    return (await this.ok(['consume', topic, '--from', 'beginning', '--exit-at-end'])).stdout;
  }

  async positions(groupId: string): Promise<readonly Position[]> {
    const [group] = await this.json<{ partitions: Position[] }>(['group', 'describe', groupId]);
    return group?.partitions ?? [];
  }

  async lag(groupId: string): Promise<number> {
    return (await this.positions(groupId)).reduce((sum, { lag }) => sum + (lag ?? 0), 0);
  }
}

/** What the test app reads from, where, and as whom. */
export function namesOf(topic: string) {
  return { TOPIC: topic, OUTPUT: `${topic}-out`, GROUP: `${topic}-group` };
}
