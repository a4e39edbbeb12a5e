import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { consumerOptions, workerOptions } from '../../lib/options/handler.options.js';
import { kafkaOptions } from '../../lib/options/kafka.options.js';
import { memoryOptions } from '../../lib/options/memory.options.js';
import { messagingOptions } from '../../lib/options/messaging.options.js';
import { streamOptions } from '../../lib/options/stream.options.js';

const names = [messagingOptions, kafkaOptions, memoryOptions, consumerOptions, workerOptions, streamOptions].flatMap(
  (set) => Object.keys(set),
);
const table = readFileSync('docs/options.md', 'utf8');
const files = readdirSync('test', { recursive: true, encoding: 'utf8' });
const tests = files
  .filter((file) => file.endsWith('.ts') && !file.startsWith('guards'))
  .map((file) => readFileSync(`test/${file}`, 'utf8'));

describe.each([...new Set(names)])('the option %s', (name) => {
  it('has a row that says what it means', () => {
    expect(table).toMatch(new RegExp(`^\\| \`${name}\` \\| [^|]{20,}`, 'm'));
  });

  it('is used by a test', () => {
    expect(tests.some((text) => new RegExp(`\\b${name}\\b`).test(text))).toBe(true);
  });
});
