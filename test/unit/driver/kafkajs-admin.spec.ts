import type { Admin, Kafka } from 'kafkajs';
import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.js';
import {
  AuthenticationError,
  BrokerUnavailableError,
  ClosedError,
  UnknownTopicError,
} from '../../../lib/core/errors.js';
import { KafkajsAdmin } from '../../../lib/driver/kafkajs/kafkajs.admin.js';
import { deferred } from '../../support/deferred.js';
import { TestLog } from '../../support/test-log.js';

const OFFSETS = [{ partition: 0, offset: '7', high: '7', low: '0' }];
const protocolError = (type: string, code: number) =>
  new kafkajs.KafkaJSProtocolError({ type, code, message: type, retriable: false } as unknown as Error);
const unknownTopic = protocolError('UNKNOWN_TOPIC_OR_PARTITION', 3);

/** Admin clients that answer with what is given for each of them in turn, and how often one was closed. */
function adminOf(...clients: readonly Partial<Admin>[]) {
  const left = [...clients];
  const closed: number[] = [];
  const client = {
    admin: () => {
      const number = clients.length - left.length;
      return { connect: async () => {}, disconnect: async () => void closed.push(number), ...left.shift() };
    },
  } as unknown as Kafka;
  const context = { connection: 'kafka', clock: systemClock, log: new TestLog(), onStatus: () => {} };
  return { admin: new KafkajsAdmin(client, context), closed };
}

describe('the admin client of kafkajs', () => {
  it('is asked again when it has forgotten the partitions of a new topic', async () => {
    const answers = [() => Promise.reject(new TypeError('Cannot destructure')), async () => OFFSETS];
    const { admin } = adminOf({
      createTopics: async () => true,
      fetchTopicOffsets: () => (answers.shift() as () => Promise<typeof OFFSETS>)(),
    });
    await admin.create([{ topic: 'orders' }]);
    expect(answers).toEqual([]);
  });

  it('is asked anew where it stumbles over what it knew of a topic: a new client hears what the broker said', async () => {
    const stumbles = {
      fetchTopicMetadata: () =>
        Promise.reject(new TypeError("Cannot read properties of null (reading 'topicMetadata')")),
    };
    const { admin, closed } = adminOf(stumbles, { fetchTopicMetadata: () => Promise.reject(unknownTopic) });
    await expect(admin.partitionsOf('orders')).rejects.toBeInstanceOf(UnknownTopicError);
    await new Promise(setImmediate);
    expect(closed).toEqual([0]);
    const away = adminOf(stumbles, stumbles).admin.partitionsOf('orders');
    await expect(away).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE', connection: 'kafka', topic: 'orders' });
  });

  it('is replaced when one of its topics is gone, once its other questions are answered', async () => {
    const slow = deferred<typeof OFFSETS>();
    const fails = () => Promise.reject(unknownTopic);
    const { admin, closed } = adminOf(
      { createTopics: fails, fetchTopicOffsets: () => slow.promise },
      { createTopics: async () => true, fetchTopicOffsets: async () => OFFSETS },
    );
    const asked = admin.offsets('payments');
    await admin.create([{ topic: 'orders' }]);
    expect(closed).toEqual([]);
    slow.resolve(OFFSETS);
    expect(await asked).toEqual(OFFSETS);
    await new Promise(setImmediate);
    expect(closed).toEqual([0]);
  });

  it('is replaced at once when a broker did not answer, with the questions that hang', async () => {
    const slow = deferred<typeof OFFSETS>();
    const lost = new kafkajs.KafkaJSConnectionError('Connection timeout');
    const { admin, closed } = adminOf({
      createTopics: () => Promise.reject(lost),
      fetchTopicOffsets: () => slow.promise,
    });
    const hanging = admin.offsets('payments');
    await expect(admin.create([{ topic: 'orders' }])).rejects.toBeInstanceOf(BrokerUnavailableError);
    await new Promise(setImmediate);
    expect(closed).toEqual([0]);
    slow.resolve(OFFSETS);
    await hanging;
  });

  it('is closed once more after the answer to a question that was under way, which may have connected anew', async () => {
    const slow = deferred<typeof OFFSETS>();
    const { admin, closed } = adminOf({ fetchTopicOffsets: () => slow.promise });
    const asked = admin.offsets('payments');
    const closing = admin.close();
    await new Promise(setImmediate);
    expect(closed).toEqual([0]);
    slow.resolve(OFFSETS);
    await Promise.all([asked, closing]);
    expect(closed).toEqual([0, 0]);
  });

  it('asks nothing after it is closed, which would connect anew and keep the process', async () => {
    const { admin, closed } = adminOf(
      { fetchTopicOffsets: async () => OFFSETS },
      { fetchTopicOffsets: async () => OFFSETS },
    );
    await admin.offsets('payments');
    await admin.close();
    await expect(admin.offsets('payments')).rejects.toBeInstanceOf(ClosedError);
    expect(closed).toEqual([0]);
  });

  it('is another after one that could not log in', async () => {
    const refused = protocolError('SASL_AUTHENTICATION_FAILED', 58);
    const { admin, closed } = adminOf(
      { connect: () => Promise.reject(refused) },
      { fetchTopicOffsets: async () => OFFSETS },
    );
    await expect(admin.offsets('orders')).rejects.toBeInstanceOf(AuthenticationError);
    expect(await admin.offsets('orders')).toEqual(OFFSETS);
    expect(closed).toEqual([0]); // kafkajs keeps the socket
  });

  it('is not replaced for a topic that it alone was asked about', async () => {
    const { admin, closed } = adminOf({ fetchTopicMetadata: () => Promise.reject(unknownTopic) });
    expect(await admin.describe(['orders'])).toEqual([]);
    expect(closed).toEqual([]);
  });

  it('says that a topic is unknown after one new client said so, too', async () => {
    const fails = () => Promise.reject(unknownTopic);
    const { admin } = adminOf({ fetchTopicOffsets: fails }, { fetchTopicOffsets: fails });
    await expect(admin.offsets('orders')).rejects.toBeInstanceOf(UnknownTopicError);
  });
});
