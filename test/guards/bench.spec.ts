import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { allPairs } from '../../bench/scenarios/all.js';

const jobs = [...new Set(allPairs.flatMap(({ ours, against }) => [ours, against]))];

describe('benchmarks', () => {
  it.each(jobs)('have a contestant and a job for `%s`', (side) => {
    const [contestant = '', job = ''] = side.split(' ');
    const file = `bench/contestants/${contestant}.ts`;
    expect(existsSync(file)).toBe(true);
    expect(readFileSync(file, 'utf8')).toMatch(new RegExp(String.raw`^  (async )?'?${job}'?[:(]`, 'm'));
  });

  it('tell their pairs apart by driver, name and reference', () => {
    const names = allPairs.map(({ driver, name, against }) => `${driver} ${name} ${against}`);
    expect(new Set(names).size).toBe(names.length);
  });
});
