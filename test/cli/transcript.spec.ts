import { chmodSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { hasProgram } from '../support/programs.js';
import { unique } from '../support/unique.js';
import { Project } from './project.js';

const kafka = brokerAddress('kafka');
const hasJq = hasProgram('jq', 'apt-get install jq | brew install jq');

/** A name of the page, and one as long that no other test has: so that columns keep their places. */
function stand(name: string): readonly [string, string] {
  return [
    name,
    unique('x')
      .replace(/[^a-z0-9]/g, '')
      .slice(0, name.length),
  ];
}

describe.runIf(kafka !== undefined && hasJq)('the walk in docs/cli/README.md', () => {
  let project: Project;

  beforeAll(() => {
    project = new Project({ KAFKA_BOOTSTRAP_SERVERS: kafka });
    project.write('bin/messaging', `#!/bin/sh\nexec ${process.execPath} ${project.bin} "$@"\n`);
    chmodSync(`${project.folder}/bin/messaging`, 0o755);
  });

  afterAll(() => project.remove());

  it('prints what the page says, line by line', async () => {
    const [, walk = ''] = /## A walk[^]*?```console\n([^]*?)```/.exec(readFileSync('docs/cli/README.md', 'utf8')) ?? [];
    const names = [stand('orders'), stand('billing')];
    const played = (text: string) => names.reduce((all, [name, other]) => all.replaceAll(name, other), text);
    const shown = (text: string) => names.reduce((all, [name, other]) => all.replaceAll(other, name), text);
    let told = '';
    for (const command of walk.split('\n').filter((line) => line.startsWith('$ '))) {
      const { output } = await project.runLine(played(command.slice(2)));
      told += `${command}\n${shown(output)}`;
    }
    expect(told).toBe(walk);
  }, 120_000);
});
