import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeRegistry } from '../support/fake-registry.js';
import { unique } from '../support/unique.js';
import { CLI_BROKERS, CommandLine } from './command-line.js';

const [broker] = CLI_BROKERS.filter(({ place }) => place === 'kafka');

describe.runIf(broker?.address !== undefined)('messaging kafka: what only Kafka has', () => {
  let cli: CommandLine;
  let topic: string;

  beforeAll(() => {
    cli = new CommandLine(broker as NonNullable<typeof broker>);
  });

  afterAll(() => cli.project.remove());

  beforeEach(() => {
    topic = unique('cli');
  });

  it('makes a topic with settings and copies, and gives it more partitions', async () => {
    await cli.ok(['create-topic', topic, '-p', '2', '-r', '1', '--config', 'cleanup.policy=compact']);
    expect((await cli.ok(['describe-topic', topic])).stdout).toContain('cleanup.policy=compact');
    expect(await cli.run(['add-partitions', topic, '-p', '3'])).toMatchObject({ code: 64 });
    expect(await cli.json(['add-partitions', topic, '-p', '3', '--yes'])).toEqual([{ topic, partitions: 3 }]);
    expect(await cli.json(['describe-topic', topic])).toMatchObject([
      { partitions: [{ replicas: [expect.any(Number)] }, {}, {}] },
    ]);
  });

  it('reads Avro by the schemas of the registry, tells what is none, and looks after the registry in doctor', async () => {
    await cli.ok(['create-topic', topic, '-p', '1']);
    const registry = await FakeRegistry.start();
    const schema =
      '{"type":"record","name":"Sale","fields":[{"name":"id","type":"long"},{"name":"data","type":"bytes"}]}';
    const frame = Buffer.from([0, 0, 0, 0, 0, 14, 4, 0xff, 0xfe]);
    frame.writeUInt32BE(registry.add(`${topic}-value`, schema), 1);
    const lines = [
      { value: frame.toString('base64'), encoding: 'base64' },
      { value: Buffer.from([0, 0, 0, 0, 9, 1]).toString('base64'), encoding: 'base64' },
      { value: { plain: true } },
    ];
    await cli.ok(['produce', topic, '--json'], lines.map((line) => JSON.stringify(line)).join('\n'));
    const env = { KAFKA_SCHEMA_REGISTRY_URL: registry.url };
    const whole = ['consume', topic, '--from', 'beginning', '--exit-at-end', '--avro'];
    expect(await cli.run(whole, '', env)).toMatchObject({
      code: 1,
      stdout: '{"id":7,"data":"//4="}\n{"plain":true}\n',
      stderr: expect.stringContaining(`${topic}/0@1 is not printed: `),
    });
    const asJson = await cli.ok([...whole, '--json', '-n', '1'], '', env);
    const line = JSON.parse(asJson.stdout) as object;
    expect(line).toMatchObject({ offset: '0', value: { id: 7, data: '//4=' }, encoding: 'avro' });
    expect(await cli.run(['produce', topic, '--json'], asJson.stdout)).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('got `avro`'),
    });
    expect((await cli.run(['doctor'], '', env)).stdout).toMatch(/ok +the schema registry answers/);
    expect((await cli.run(['doctor'])).stdout).not.toContain('registry');
    await registry.stop();
    expect(await cli.run(['doctor'], '', env)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/fail +The schema registry did not answer/),
    });
  });
});
