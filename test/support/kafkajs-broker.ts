import { createRequire } from 'node:module';
import type { KafkajsQuestion, FetchRequest, KafkajsBroker } from '../../lib/driver/kafkajs/kafkajs.internals.js';

const require = createRequire(import.meta.url);
const Broker = require('kafkajs/src/broker') as new (parts: object) => { lookupRequest: unknown };
const { lookup } = require('kafkajs/src/protocol/requests') as {
  lookup(versions: object): (apiKey: number, definition: unknown) => (params: unknown) => Question;
};
const [PRODUCE, FETCH] = [0, 1];

/** What kafkajs puts to a connection. */
export interface Question extends KafkajsQuestion {
  readonly request: KafkajsQuestion['request'] & { readonly apiKey: number; expectResponse(): boolean };
  readonly response: { decode(answer: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> };
  /** In ms. */
  readonly requestTimeout: number;
}

/** A broker of kafkajs' own, whose connections answer themselves. */
export function kafkajsBroker(
  answer: (params: FetchRequest, question: Question) => Promise<Buffer>,
  { produceVersion = 7 } = {},
): KafkajsBroker {
  const connectionPool = {
    send: async ({ params, ...question }: Question & { readonly params: FetchRequest }) =>
      question.response.parse(await question.response.decode(await answer(params, question))),
  };
  const broker = new Broker({ connectionPool, logger: { namespace: () => ({}) } });
  const own = lookup({
    [PRODUCE]: { minVersion: 0, maxVersion: produceVersion },
    [FETCH]: { minVersion: 4, maxVersion: 11 },
  });
  broker.lookupRequest = (apiKey: number, definition: unknown) => {
    const ask = own(apiKey, definition);
    return (params: unknown) => ({ ...ask(params), params });
  };
  return broker as unknown as KafkajsBroker;
}
