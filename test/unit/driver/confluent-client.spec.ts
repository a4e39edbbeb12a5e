import { describe, expect, it } from 'vitest';
import type { MissingPackageError } from '../../../lib/core/errors.js';
import { loadConfluent } from '../../../lib/driver/confluent/confluent.client.js';

/** What node says when the package is looked for. */
const loading = (code: string): Promise<unknown> =>
  loadConfluent(() => Promise.reject(Object.assign(new Error('no'), { code }))).catch((error: unknown) => error);

describe('the confluent backend', () => {
  it('says what to install when its client is missing', async () => {
    const error = await loading('ERR_MODULE_NOT_FOUND');
    expect((error as Error).message).toBe(
      "The package `@confluentinc/kafka-javascript` is missing; `backend: 'confluent'` needs it. Install it: npm i @confluentinc/kafka-javascript",
    );
  });

  it.each(['ERR_DLOPEN_FAILED', 'MODULE_NOT_FOUND'])(
    'says how the addon is built when it does not load: %s',
    async (code) => {
      const error = await loading(code);
      expect((error as MissingPackageError).name).toBe('MissingPackageError');
      expect((error as Error).message).toContain('Its native addon does not load.');
      expect((error as Error).message).toContain(
        'CKJS_LINKING=dynamic npm_config_build_from_source=true npm rebuild @confluentinc/kafka-javascript',
      );
    },
  );
});
