import { describe, expect, it } from 'vitest';
import { DeathCount } from '../../../lib/driver/kafka/death-count.js';

const IN_FLIGHT = 20;
const after = (metadata: string, owner: string) => new DeathCount(metadata, owner, IN_FLIGHT);

describe('the count of deaths', () => {
  it('begins with one for whoever is at it now, and an orderly end takes it back', () => {
    const count = after('', 'a1');
    expect(count.metadata).toBe('v1;n=1;o=-;p=a1;');
    expect(count.farewell).toBe('v1;n=0;o=-;');
    expect(count.isSuspicious).toBe(false);
  });

  it('is suspicious after a death, and trusts a successor of an orderly end', () => {
    const first = after('', 'a1');
    expect(first.isSuspicious).toBe(false);
    expect(after(first.metadata, 'b2').isSuspicious).toBe(true);
    expect(after(first.farewell, 'b2').isSuspicious).toBe(false);
  });

  it('is suspicious on, when who looks for the cause is ended in order', () => {
    const second = after(after('', 'a1').metadata, 'b2');
    second.start(57);
    const third = after(second.farewell, 'c3');
    expect(third.isSuspicious).toBe(true);
    expect(third.start(57)).toBe(1);
  });

  it('does not count a partition that a process lost while it lived: it comes back', () => {
    const before = after('', 'a1');
    expect(after(before.metadata, 'a1').metadata).toBe(before.metadata);
    let metadata = '';
    for (const owner of ['a1', 'b2', 'a1', 'b2', 'a1']) metadata = after(metadata, owner).metadata;
    expect(metadata).toBe('v1;n=2;o=-;p=b2,a1;');
  });

  it('counts the deaths at one message, and starts anew at another', () => {
    let metadata = 'v1;n=1;o=-;p=a0;';
    const delivered: number[] = [];
    for (const owner of ['a1', 'a2', 'a3', 'a4']) {
      const count = after(metadata, owner);
      delivered.push(count.start(57));
      metadata = count.metadata;
    }
    expect(delivered).toEqual([1, 2, 3, 4]);
    const next = after(metadata, 'a6');
    expect(next.start(58)).toBe(1);
    expect(next.metadata).toBe('v1;n=2;o=58;p=a4,a6;');
  });

  it('lets messages run together after a death, and names the first and the last of them', () => {
    const count = after(after('', 'a1').metadata, 'b2');
    expect(count.most(57)).toBe(IN_FLIGHT);
    expect(count.start(57, 76)).toBe(1);
    expect(count.metadata).toBe('v1;n=2;o=57-76;p=a1,b2;');
  });

  it('has those run one at a time among which a process died, accuses none of them of that death, and then trusts more again', () => {
    const count = after('v1;n=2;o=57-60;p=a1,b2;', 'c3');
    const alone = [57, 58, 60].map((offset) => {
      expect(count.most(offset)).toBe(1);
      return count.start(offset);
    });
    expect(alone).toEqual([1, 1, 1]);
    expect(count.most(61)).toBe(IN_FLIGHT);
    expect(count.metadata).toBe('v1;n=2;o=60;p=b2,c3;');
  });

  it('has the one alone again at which a process died that ran nothing else', () => {
    const count = after('v1;n=3;o=57;p=a1,b2,c3;', 'd4');
    expect(count.most(57)).toBe(1);
    expect(count.start(57)).toBe(3);
    expect(count.most(58)).toBe(IN_FLIGHT);
  });

  it('lets no more run together than are left to be looked at, and never more than a hundred', () => {
    const count = after('v1;n=1;o=-;p=a1;', 'b2');
    count.start(0, 14);
    for (let offset = 0; offset < 15; offset++) count.survived();
    expect(count.most(15)).toBe(IN_FLIGHT - 15);
    expect(new DeathCount('v1;n=1;o=-;p=a1;', 'b2', 5_000).most(0)).toBe(100);
  });

  it('reads what a client cut the last byte off, or added one to', () => {
    expect(after('v1;n=3;o=57;p=a1', 'b2').start(57)).toBe(3);
    expect(after('v1;n=3;o=57;p=a1;\0', 'b2').start(57)).toBe(3);
    expect(after('v1;n=3;o=57;', 'b2').start(57)).toBe(3);
  });

  it('takes what others wrote there for nothing', () => {
    for (const metadata of ['', 'x', 'v2;n=9;o=-;', '{"n":7}'])
      expect(after(metadata, 'a1').metadata).toBe('v1;n=1;o=-;p=a1;');
  });

  it('ends its quarantine after as many messages as could be in flight', () => {
    const count = after('v1;n=1;o=-;p=a1;', 'b2');
    for (let offset = 0; offset < IN_FLIGHT; offset++) {
      expect(count.isSuspicious).toBe(true);
      count.start(offset);
      count.survived();
    }
    expect(count.isSuspicious).toBe(false);
    expect(count.metadata).toBe('v1;n=1;o=-;p=b2;');
    expect(after(count.farewell, 'c3').isSuspicious).toBe(false);
  });
});
