import { Injectable } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthenticationError, AuthorizationError, Consumer, ProducerService } from '../../lib/index.js';
import { eventually } from '../support/eventually.js';
import { unique } from '../support/unique.js';
import { startApp } from '../support/test-app.js';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { freePorts } from '../support/brokers/process.js';
import { KafkaServer } from '../support/brokers/kafka.js';

const PLAIN =
  'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret" user_bob="bob-secret";';

const topic = unique('events');

@Injectable()
class Audit {
  readonly seen: unknown[] = [];

  @Consumer({ topic })
  async onEvent(message: unknown) {
    this.seen.push(message);
  }
}

describe.runIf(brokerAddress('kafka') !== undefined)('start on Kafka', () => {
  it('does not fail on a broker that cannot be reached, and names it in each line', async () => {
    const [port] = await freePorts(1);
    const { app, log } = await startApp({ options: { kafka: { bootstrapServers: `127.0.0.1:${port}` } } });
    await eventually(() => expect(log.texts('warn').length).toBeGreaterThan(1));
    expect(log.texts('warn')[0]).toMatch(
      /^Connection `kafka` is down, next attempt in 250 ms: Connection `kafka` does not answer: .*ECONNREFUSED/,
    );
    await app.close();
  });

  it('fails within seconds on an unreachable broker when failFast is set', async () => {
    const [port] = await freePorts(1);
    await expect(
      startApp({ options: { kafka: { bootstrapServers: `127.0.0.1:${port}` }, failFast: true } }),
    ).rejects.toThrow('`failFast` is set');
  });

  it('starts handlers when the broker comes up later', async () => {
    const server = await KafkaServer.start();
    await server.kill();
    const { app } = await startApp({
      options: { kafka: { bootstrapServers: server.bootstrapServers } },
      providers: [Audit],
    });
    await server.restart();
    await app.get(ProducerService).send({ topic, message: 'after' });
    await eventually(() => expect(app.get(Audit).seen).toEqual(['after']), 30_000);
    await app.close();
    await server.stop();
  });

  describe('with a login', () => {
    let server: KafkaServer;
    const options = (saslPassword: string, saslUsername = 'alice') => ({
      kafka: {
        bootstrapServers: `127.0.0.1:${server.ports.get('SASLPLAINTEXT')}`,
        securityProtocol: 'SASL_PLAINTEXT',
        saslMechanism: 'PLAIN',
        saslUsername,
        saslPassword,
      } as const,
    });

    beforeAll(async () => {
      server = await KafkaServer.start({
        listeners: [{ name: 'SASLPLAINTEXT', protocol: 'SASL_PLAINTEXT' }],
        properties: {
          'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
          'super.users': 'User:ANONYMOUS;User:alice',
          'sasl.enabled.mechanisms': 'PLAIN',
          'listener.name.saslplaintext.plain.sasl.jaas.config': PLAIN,
        },
      });
    });
    afterAll(() => server.stop());

    it('sends and receives', async () => {
      const { app } = await startApp({ options: options('alice-secret'), providers: [Audit] });
      await app.get(ProducerService).send({ topic, message: 'secret' });
      await eventually(() => expect(app.get(Audit).seen).toEqual(['secret']));
      await app.close();
    });

    it('fails at once on a wrong password, and never shows it', async () => {
      const started = Date.now();
      const error: unknown = await startApp({ options: options('guessed') }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(AuthenticationError);
      expect((error as Error).message).toMatch(
        /^Connection `kafka` refused the login: 127\.0\.0\.1:\d+ does not take the user `alice` by PLAIN \(.*\)\. Correct `saslUsername` and `saslPassword`\.$/,
      );
      expect((error as Error).message).not.toContain('guessed');
      expect(Date.now() - started).toBeLessThan(5_000);
    });

    it('names the topic and the permission that is missing', async () => {
      const error: unknown = await startApp({ options: options('bob-secret', 'bob'), providers: [Audit] }).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(AuthorizationError);
      expect((error as Error).message).toMatch(new RegExp(`${topic}.*Grant the permission`));
    });
  });
});
