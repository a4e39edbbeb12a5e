import { describe, expect, it } from 'vitest';
import { MessageHeaders, toHeaderList } from '../../../lib/core/headers.js';

describe('headers', () => {
  const headers = new MessageHeaders(
    toHeaderList({ source: 'web', id: ['a', Buffer.from([0xff])], gone: undefined, none: null }),
  );

  it('reads the first value as text or bytes, and all values in their order', () => {
    expect(headers.get('source')).toBe('web');
    expect(headers.getAll('id')).toEqual(['a', '\ufffd']);
    expect(headers.getBuffer('id')).toEqual(Buffer.from('a'));
    expect(headers.get('missing')).toBeUndefined();
  });

  it('leaves out null and undefined', () => {
    expect([...headers].map(([name]) => name)).toEqual(['source', 'id', 'id']);
    expect(headers.has('gone')).toBe(false);
  });

  it('can be passed on as they are', () => {
    expect(toHeaderList(headers)).toEqual([...headers]);
  });

  it('names the header whose value is neither text nor bytes', () => {
    expect(() => toHeaderList({ count: 3 as unknown as string })).toThrow(
      'Expected header `count` to be a string or a Buffer, got `3` (number). Turn it into text first.',
    );
  });
});
