import { inspect } from 'node:util';
import { readFileSync, writeFileSync } from 'node:fs';
import { Injectable } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { INestMicroservice } from '@nestjs/common';
import { deadlineIn, sleep, systemClock } from '../../lib/core/clock.js';
import {
  BrokerUnavailableError,
  Consumer,
  getProducerToken,
  MessagingError,
  type KafkaOptions,
  type ProducerService,
  type SaslToken,
  type SaslTokenProvider,
} from '../../lib/index.js';
import { kafkaBackends } from '../support/brokers/with-broker.js';
import { PASSWORD, SecureKafka, unsecuredToken, type ListenerName } from '../support/brokers/secure-kafka.js';
import { API, WireTap } from '../support/brokers/wire-tap.js';
import { Child } from '../support/child.js';
import { eventually } from '../support/eventually.js';
import { record } from '../support/records.js';
import { startApp, type StartedApp } from '../support/test-app.js';
import { unique } from '../support/unique.js';
import { openDriver } from './support.js';

const WRONG = 'wrong-5a0d-secret';
const LIMIT_MS = 15_000;

let kafka: SecureKafka;
beforeAll(async () => {
  kafka = await SecureKafka.start();
});
afterAll(() => kafka?.stop());

describe.each(kafkaBackends())('security with %s', (backend) => {
  const apps: INestMicroservice[] = [];
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });

  const at = (listener: ListenerName, rest: KafkaOptions = {}): KafkaOptions => ({
    backend,
    bootstrapServers: kafka.address(listener),
    autoCommitIntervalMs: 200,
    ...rest,
  });
  const trusting = (rest: KafkaOptions = {}): KafkaOptions => ({ sslCafile: kafka.certificates.ca, ...rest });
  const login = (saslMechanism: KafkaOptions['saslMechanism'], saslPassword = PASSWORD): KafkaOptions => ({
    saslMechanism,
    saslUsername: 'alice',
    saslPassword,
  });
  const start = async (spec: Parameters<typeof startApp>[0]): Promise<StartedApp> => {
    const started = await startApp(spec);
    apps.push(started.app);
    return started;
  };
  /** How the start of an app fails, or what it warns of until then; with all that was said. */
  const fault = async (kafkaOptions: KafkaOptions) => {
    const began = Date.now();
    const thrown: unknown = await start({ options: { kafka: kafkaOptions } }).catch((error: unknown) => error);
    expect(Date.now() - began).toBeLessThan(LIMIT_MS);
    expect(thrown).toBeInstanceOf(MessagingError);
    const said = inspect(thrown, { depth: Infinity, showHidden: true });
    for (const secret of [PASSWORD, WRONG]) expect(said).not.toContain(secret);
    return thrown as MessagingError;
  };

  it('sends and reads through every login that the broker takes', async () => {
    const ways: Readonly<Record<string, KafkaOptions>> = {
      ssl: at('SSL', { securityProtocol: 'SSL', ...trusting() }),
      mtls: at('MTLS', {
        securityProtocol: 'SSL',
        ...trusting({ sslCertfile: kafka.client.cert, sslKeyfile: kafka.client.key }),
      }),
      plain: at('SASLPLAINTEXT', { securityProtocol: 'SASL_PLAINTEXT', ...login('PLAIN') }),
      scram256: at('SASLPLAINTEXT', { securityProtocol: 'SASL_PLAINTEXT', ...login('SCRAM-SHA-256') }),
      scram512: at('SASLSSL', { securityProtocol: 'SASL_SSL', ...login('SCRAM-SHA-512'), ...trusting() }),
      plainOverTls: at('SASLSSL', { securityProtocol: 'SASL_SSL', ...login('PLAIN'), ...trusting() }),
      oauth: at('OAUTH', {
        securityProtocol: 'SASL_PLAINTEXT',
        saslMechanism: 'OAUTHBEARER',
        saslTokenProvider: () => unsecuredToken(3_600_000),
      }),
    };
    const topic = unique('secure');
    const seen: string[] = [];
    const readers = Object.keys(ways).map((connection) => {
      @Injectable()
      class Reader {
        @Consumer({ topic: `${topic}-${connection}`, name: connection, broker: connection, groupId: unique('secure') })
        async onMessage(message: string) {
          seen.push(`${connection} ${message}`);
        }
      }
      return Reader;
    });
    const connections = Object.fromEntries(
      Object.entries(ways).map(([name, options]) => [name, { kind: 'kafka' as const, ...options }]),
    );
    const { app, log } = await start({ options: { broker: 'plain', connections }, providers: readers });
    for (const connection of Object.keys(ways))
      await app
        .get<ProducerService>(getProducerToken(connection))
        .send({ topic: `${topic}-${connection}`, message: 'hello' });
    await eventually(() =>
      expect(seen.toSorted()).toEqual(
        Object.keys(ways)
          .map((name) => `${name} hello`)
          .toSorted(),
      ),
    );
    expect(inspect(log.lines)).not.toContain(PASSWORD);
  });

  it('takes a broker that goes away in the midst of a login for one that is away', async () => {
    const tap = await WireTap.start(() => kafka.server.ports.get('SASLPLAINTEXT') as number);
    tap.endsAt = API.saslAuthenticate;
    const spec = { securityProtocol: 'SASL_PLAINTEXT', ...login('PLAIN') } as const;
    const refusal = await openDriver(backend, `127.0.0.1:${tap.port}`, spec).catch((error: unknown) => error);
    await tap.stop();
    expect(refusal).toBeInstanceOf(BrokerUnavailableError);
  });

  it('prints no secret at any level of its log, whether the login is taken or not', async () => {
    const overTls = (password: string, ca = kafka.certificates.ca) =>
      at('SASLSSL', { securityProtocol: 'SASL_SSL', ...login('SCRAM-SHA-512', password), sslCafile: ca });
    const pair = { sslCertfile: kafka.client.cert, sslKeyfile: kafka.client.key };
    const ways: readonly [KafkaOptions, RegExp][] = [
      [overTls(PASSWORD), /^listening$/m],
      [overTls(WRONG), /AuthenticationError: Connection `kafka` refused the login/],
      [overTls(PASSWORD, kafka.certificates.strangerCa), /AuthenticationError: Connection `kafka` cannot use/],
      [
        at('SASLPLAINTEXT', { securityProtocol: 'SASL_PLAINTEXT', ...login('PLAIN', WRONG) }),
        /AuthenticationError: Connection `kafka` refused the login/,
      ],
      [at('MTLS', { securityProtocol: 'SSL', ...trusting(pair) }), /^listening$/m],
    ];
    const key = readFileSync(kafka.client.key, 'utf8').split('\n')[1] as string;
    const said = await Promise.all(
      ways.map(async ([OPTIONS]) => {
        const child = Child.app('test/kafka/apps/login.ts', {
          TOPIC: unique('login'),
          OPTIONS: JSON.stringify(OPTIONS),
        });
        await child.end();
        return child.lines.join('\n');
      }),
    );
    for (const [index, [, expected]] of ways.entries()) {
      expect(said[index]).toMatch(expected);
      for (const secret of [PASSWORD, WRONG, Buffer.from(`\0alice\0${WRONG}`).toString('base64'), key])
        expect(said[index]).not.toContain(secret);
    }
  });

  describe('with tokens', () => {
    const oauth = (saslTokenProvider: SaslTokenProvider): KafkaOptions =>
      at('OAUTH', { securityProtocol: 'SASL_PLAINTEXT', saslMechanism: 'OAUTHBEARER', saslTokenProvider });

    it('gets a new one before the old one ends, and goes on sending', async () => {
      let tokens = 0;
      const lifeMs = backend === 'kafkajs' ? 12_000 : 3_000; // kafkajs logs in again 10 s before the end
      const provider = () => {
        tokens++;
        return unsecuredToken(lifeMs);
      };
      const topic = unique('tokens');
      const driver = await openDriver(backend, kafka.address('OAUTH'), oauth(provider));
      await driver.admin.create([{ topic }]);
      const first = tokens;
      for (const end = Date.now() + 5_000; Date.now() < end; await sleep(systemClock, 100)) {
        const [sent] = await driver.send([record(topic, 'x')], Date.now() + 10_000);
        expect(sent).toMatchObject({ partition: 0 });
      }
      await driver.close(deadlineIn(systemClock, 5_000));
      expect(tokens).toBeGreaterThan(first);
    });

    it.each([
      ['throws', () => Promise.reject(new Error('401 from the login server')), /401 from the login server/],
      ['hangs', () => new Promise<never>(() => {}), /nothing came within 4000 ms/],
    ] as const)('warns with the reason, and tries again, while the provider %s', async (_, provider, reason) => {
      const { log } = await start({ options: { kafka: oauth(provider) } });
      const line = new RegExp(
        `Connection \`kafka\`: \`saslTokenProvider\` failed: ${reason.source}\\. Look at where it gets its tokens\\.`,
      );
      await eventually(() => expect(log.texts('warn').filter((text) => line.test(text)).length).toBeGreaterThan(0));
    });

    it.each([
      ['none', () => ({}) as SaslToken, /returned no token\. Return `\{ value, expiresAt \}`/],
      ['an old one', () => unsecuredToken(-1_000), /returned a token that ended \d+ ms ago\. Return a fresh one/],
    ] as const)('fails the start when the provider returns %s', async (_, provider, text) => {
      const error = await fault(oauth(provider));
      expect(error.message).toMatch(/^Connection `kafka`: `saslTokenProvider` /);
      expect(error.message).toMatch(text);
    });
  });

  describe('fails the start at once with one error that says what, where and the cure:', () => {
    const secret = () => ({ securityProtocol: 'SSL', ...trusting() }) as const;
    const cases: readonly [string, () => KafkaOptions, RegExp][] = [
      [
        'a wrong password',
        () => at('SASLPLAINTEXT', { securityProtocol: 'SASL_PLAINTEXT', ...login('PLAIN', WRONG) }),
        /refused the login: 127\.0\.0\.1:\d+ does not take the user `alice` by (PLAIN|SCRAM-SHA-512) \(.*\)\. Correct `saslUsername` and `saslPassword`\.$/,
      ],
      [
        'a wrong password with SCRAM, over TLS',
        () => at('SASLSSL', { securityProtocol: 'SASL_SSL', ...login('SCRAM-SHA-512', WRONG), ...trusting() }),
        /refused the login: 127\.0\.0\.1:\d+ does not take the user `alice` by (PLAIN|SCRAM-SHA-512) \(.*\)\. Correct `saslUsername` and `saslPassword`\.$/,
      ],
      [
        'a mechanism that the port does not take',
        () => at('OAUTH', { securityProtocol: 'SASL_PLAINTEXT', ...login('PLAIN') }),
        /takes logins by OAUTHBEARER, and `saslMechanism` is PLAIN\. Set one of those\./,
      ],
      [
        'a token that the broker does not take',
        () =>
          at('OAUTH', {
            securityProtocol: 'SASL_PLAINTEXT',
            saslMechanism: 'OAUTHBEARER',
            saslTokenProvider: () => ({ value: `e30.${WRONG}.`, expiresAt: Date.now() + 60_000 }),
          }),
        /refused the login: 127\.0\.0\.1:\d+ does not take the token by OAUTHBEARER \(.*\)\. Correct `saslTokenProvider`\.$/,
      ],
      [
        'an unknown authority',
        () => at('SSL', { securityProtocol: 'SSL', sslCafile: kafka.certificates.strangerCa }),
        /signed by an authority that is not trusted: it is not in `sslCafile` \(`.*stranger\.crt`\)\. Name the file/,
      ],
      [
        "an authority that is not in Node's list",
        () => at('SSL', { securityProtocol: 'SSL' }),
        /it is not in Node's own list\. Name the file of the broker's authority in `sslCafile`/,
      ],
      [
        'a certificate that has expired',
        () => at('EXPIRED', secret()),
        /its certificate has expired\. Renew it at the broker\./,
      ],
      [
        'a certificate for another host',
        () => at('ELSEWHERE', secret()),
        /its certificate is for another name \(.*127\.0\.0\.1.*\)\. Use a name that it has in `bootstrapServers`/,
      ],
      [
        'no certificate where one is wanted',
        () => at('MTLS', secret()),
        /wants a certificate of the client\. Set `sslCertfile` and `sslKeyfile`\./,
      ],
      [
        'a certificate that the broker does not know',
        () => at('MTLS', { ...secret(), sslCertfile: kafka.stranger.cert, sslKeyfile: kafka.stranger.key }),
        /refuses the certificate of `sslCertfile` \(`.*friend\.crt`\)\. Use one that is valid/,
      ],
      [
        'TLS to a port without',
        () => ({ backend, bootstrapServers: kafka.server.bootstrapServers, ...secret() }),
        /speaks without TLS, and `securityProtocol` is SSL\. Set it to PLAINTEXT/,
      ],
      [
        'no TLS to a port with it',
        () => at('SSL'),
        /speaks TLS, and `securityProtocol` is PLAINTEXT\. Set it to SSL\./,
      ],
      [
        'no login where one is wanted',
        () => at('SASLPLAINTEXT'),
        /wants a login \(PLAIN, SCRAM-SHA-256, SCRAM-SHA-512\), and `securityProtocol` is PLAINTEXT\. Set it to SASL_PLAINTEXT/,
      ],
      [
        'a login where none is taken',
        () => at('SSL', { securityProtocol: 'SASL_SSL', ...login('PLAIN'), ...trusting() }),
        /takes no login, and `securityProtocol` is SASL_SSL\. Set it to SSL/,
      ],
    ];

    it.each(cases)('%s', async (_, options, text) => {
      const error = await fault(options());
      expect(error.message).toMatch(/^Connection `kafka` /);
      expect(error.message).toMatch(text);
      expect(error).toMatchObject({ code: 'AUTHENTICATION', retryable: false });
    });

    it('files that are missing, no PEM, not a pair, or a certificate without its key', async () => {
      const missing = await fault(at('SSL', { securityProtocol: 'SSL', sslCafile: '/no/such/ca.pem' }));
      expect(missing.message).toMatch(
        /`sslCafile` names `\/no\/such\/ca\.pem`, which cannot be read: ENOENT.* Correct the path\./,
      );
      const text = kafka.certificates.path('text.pem');
      writeFileSync(text, 'no certificate');
      const noPem = await fault(at('SSL', { securityProtocol: 'SSL', sslCafile: text }));
      expect(noPem.message).toMatch(
        /`sslCafile` names `.*text\.pem`, which cannot be used: .* Name a PEM file of that kind\./,
      );
      const { cert } = kafka.client;
      const pair = await fault(at('MTLS', { ...secret(), sslCertfile: cert, sslKeyfile: kafka.stranger.key }));
      expect(pair.message).toMatch(
        /`sslKeyfile` \(`.*friend\.key`\) is not the key of `sslCertfile` \(`.*client\.crt`\)\./,
      );
      const alone = await fault(at('MTLS', { ...secret(), sslCertfile: cert }));
      expect(alone.message).toMatch(
        /`kafka\.sslCertfile` and `kafka\.sslKeyfile` belong together\. Set both, or neither\./,
      );
      for (const error of [missing, noPem, pair, alone]) expect(error).toMatchObject({ code: 'CONFIGURATION' });
    });
  });
});
