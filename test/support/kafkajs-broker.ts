import { createRequire } from 'node:module';
import type { FetchRequest, KafkajsBroker } from '../../lib/driver/kafkajs/kafkajs.internals.js';

const require = createRequire(import.meta.url);
const Broker = require('kafkajs/src/broker') as new (parts: object) => { lookupRequest: unknown };
const { lookup } = require('kafkajs/src/protocol/requests') as {
  lookup(versions: object): (apiKey: number, definition: unknown) => (params: FetchRequest) => Question;
};
const FETCH = 1;
const VERSIONS = { [FETCH]: { minVersion: 4, maxVersion: 11 } };

interface Question {
  readonly response: { decode(answer: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> };
  /** In ms. */
  readonly requestTimeout: number;
}

interface Asked extends Question {
  readonly params: FetchRequest;
}

/** A broker of kafkajs' own, whose connections answer fetches themselves. */
export function kafkajsBroker(
  answer: (params: FetchRequest, requestTimeout: number) => Promise<Buffer>,
): KafkajsBroker {
  const connectionPool = {
    send: async ({ params, requestTimeout, response }: Asked) =>
      response.parse(await response.decode(await answer(params, requestTimeout))),
  };
  const broker = new Broker({ connectionPool, logger: { namespace: () => ({}) } });
  const own = lookup(VERSIONS);
  broker.lookupRequest = (apiKey: number, definition: unknown) => {
    const ask = own(apiKey, definition);
    return (params: FetchRequest) => ({ ...ask(params), params });
  };
  return broker as unknown as KafkajsBroker;
}
