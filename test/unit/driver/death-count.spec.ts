import { describe, expect, it } from 'vitest';
import { DeathCount } from '../../../lib/driver/kafka/death-count.js';

describe('the count of deaths', () => {
  it('begins with one for whoever is at it now, and an orderly end takes it back', () => {
    const count = new DeathCount('', 'a1');
    expect(count.metadata).toBe('v1;n=1;o=-;p=a1;');
    expect(count.farewell).toBe('v1;n=0;o=-;');
    expect(count.isSuspicious).toBe(false);
  });

  it('is suspicious after two deaths in a row, and trusts a successor of an orderly end', () => {
    const second = new DeathCount(new DeathCount('', 'a1').metadata, 'b2');
    expect(second.isSuspicious).toBe(false);
    expect(new DeathCount(second.metadata, 'c3').isSuspicious).toBe(true);
    expect(new DeathCount(second.farewell, 'c3').isSuspicious).toBe(false);
  });

  it('forgets a death that a thousand messages followed', () => {
    const second = new DeathCount(new DeathCount('', 'a1').metadata, 'b2');
    for (let finished = 0; finished < 1_000; finished++) second.survived();
    expect(new DeathCount(second.metadata, 'c3').isSuspicious).toBe(false);
  });

  it('does not count a partition that a process lost while it lived: it comes back', () => {
    const before = new DeathCount('', 'a1');
    expect(new DeathCount(before.metadata, 'a1').metadata).toBe(before.metadata);
    let metadata = '';
    for (const owner of ['a1', 'b2', 'a1', 'b2', 'a1']) metadata = new DeathCount(metadata, owner).metadata;
    expect(metadata).toBe('v1;n=2;o=-;p=b2,a1;');
  });

  it('counts the deaths at one message, and starts anew at another', () => {
    let metadata = 'v1;n=2;o=-;p=a0;';
    const delivered: number[] = [];
    for (const owner of ['a1', 'a2', 'a3', 'a4']) {
      const count = new DeathCount(metadata, owner);
      delivered.push(count.start(57));
      metadata = count.metadata;
    }
    expect(delivered).toEqual([1, 4, 5, 6]);
    const next = new DeathCount(metadata, 'a6');
    expect(next.start(58)).toBe(1);
    expect(next.metadata).toBe('v1;n=3;o=58;p=a3,a4,a6;');
  });

  it('reads what a client cut the last byte off, or added one to', () => {
    expect(new DeathCount('v1;n=3;o=57;p=a1', 'b2').start(57)).toBe(4);
    expect(new DeathCount('v1;n=3;o=57;p=a1;\0', 'b2').start(57)).toBe(4);
    expect(new DeathCount('v1;n=3;o=57;', 'b2').start(57)).toBe(4);
  });

  it('takes what others wrote there for nothing', () => {
    for (const metadata of ['', 'x', 'v2;n=9;o=-;', '{"n":7}'])
      expect(new DeathCount(metadata, 'a1').metadata).toBe('v1;n=1;o=-;p=a1;');
  });

  it('ends its quarantine after a thousand messages', () => {
    const count = new DeathCount('v1;n=2;o=-;p=a1;', 'b2');
    for (let offset = 0; offset < 1_000; offset++) {
      expect(count.isSuspicious).toBe(true);
      count.start(offset);
      count.survived();
    }
    expect(count.isSuspicious).toBe(false);
    expect(count.metadata).toBe('v1;n=1;o=-;p=b2;');
  });
});
