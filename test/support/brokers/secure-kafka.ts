import { Certificates, type Pair } from '../certificates.js';
import { KafkaServer, type KafkaListener } from './kafka.js';

/** The password of the user `alice`; nothing may print it. */
export const PASSWORD = 'alice-7c1e-secret';

const PLAIN = `org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="${PASSWORD}";`;
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
const OAUTH =
  'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";';

const listeners = [
  { name: 'SSL', protocol: 'SSL' },
  { name: 'MTLS', protocol: 'SSL' },
  { name: 'SASLPLAINTEXT', protocol: 'SASL_PLAINTEXT' },
  { name: 'SASLSSL', protocol: 'SASL_SSL' },
  { name: 'OAUTH', protocol: 'SASL_PLAINTEXT' },
  { name: 'EXPIRED', protocol: 'SSL' },
  { name: 'ELSEWHERE', protocol: 'SSL' },
] as const satisfies readonly KafkaListener[];

export type ListenerName = (typeof listeners)[number]['name'];

/** One broker with a listener for each way to log in, and for each certificate that is wrong. */
export class SecureKafka {
  private constructor(
    readonly server: KafkaServer,
    readonly certificates: Certificates,
    /** Of the client, by the broker's authority. */
    readonly client: Pair,
    /** Of the client, by one that the broker does not know. */
    readonly stranger: Pair,
  ) {}

  static async start(): Promise<SecureKafka> {
    const certificates = new Certificates();
    const server = await KafkaServer.start({
      listeners,
      heapMb: 256,
      scramUser: { name: 'alice', password: PASSWORD },
      properties: {
        ...keystore('', certificates.leaf('server').all),
        'ssl.truststore.type': 'PEM',
        'ssl.truststore.location': certificates.ca,
        'listener.name.mtls.ssl.client.auth': 'required',
        ...keystore('listener.name.expired.', certificates.leaf('expired', { days: -1 }).all),
        ...keystore('listener.name.elsewhere.', certificates.leaf('elsewhere', { names: 'DNS:kafka.example' }).all),
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        ...logins('saslplaintext'),
        ...logins('saslssl'),
        'listener.name.oauth.sasl.enabled.mechanisms': 'OAUTHBEARER',
        'listener.name.oauth.oauthbearer.sasl.jaas.config': OAUTH,
        'listener.name.oauth.oauthbearer.connections.max.reauth.ms': '3600000',
      },
    });
    return new SecureKafka(
      server,
      certificates,
      certificates.leaf('client'),
      certificates.leaf('friend', { by: 'stranger' }),
    );
  }

  /** `127.0.0.1:port` */
  address(name: ListenerName): string {
    return `127.0.0.1:${this.server.ports.get(name)}`;
  }

  async stop(): Promise<void> {
    await this.server.stop();
    this.certificates.remove();
  }
}

function keystore(prefix: string, location: string): Readonly<Record<string, string>> {
  return { [`${prefix}ssl.keystore.type`]: 'PEM', [`${prefix}ssl.keystore.location`]: location };
}

function logins(listener: string): Readonly<Record<string, string>> {
  const prefix = `listener.name.${listener}`;
  return {
    [`${prefix}.plain.sasl.jaas.config`]: PLAIN,
    [`${prefix}.scram-sha-256.sasl.jaas.config`]: SCRAM,
    [`${prefix}.scram-sha-512.sasl.jaas.config`]: SCRAM,
  };
}

/** A token as Kafka's unsecured validator takes it, which any test broker has. */
export function unsecuredToken(lifeMs: number): { readonly value: string; readonly expiresAt: number } {
  const now = Date.now();
  const part = (claims: object) => Buffer.from(JSON.stringify(claims)).toString('base64url');
  const claims = { sub: 'alice', iat: now / 1_000 - 1, exp: (now + lifeMs) / 1_000 };
  return { value: `${part({ alg: 'none' })}.${part(claims)}.`, expiresAt: now + lifeMs };
}
