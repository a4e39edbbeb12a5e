import type { ResolvedRedisOptions } from '../../options/redis.options.js';
import { fastStreamFormat } from './faststream.format.js';
import { ownFormat } from './own.format.js';
import type { EntryFormat } from './redis.fields.js';
import { redpandaFormat } from './redpanda.format.js';

export function entryFormatOf({ entryFormat, payloadField }: ResolvedRedisOptions): EntryFormat {
  switch (entryFormat) {
    case 'default':
      return ownFormat(payloadField ?? 'data');
    case 'faststream-json':
      return fastStreamFormat;
    case 'redpanda':
      return redpandaFormat(payloadField ?? 'body');
  }
}
