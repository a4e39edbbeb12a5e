import type { ResolvedKafkaOptions } from './kafka.options.js';

type Name = 'saslMechanism' | 'saslUsername' | 'saslPassword' | 'saslTokenProvider';

const LOGIN: readonly Name[] = ['saslMechanism', 'saslUsername', 'saslPassword', 'saslTokenProvider'];

/** Logins and certificates that are not whole, or have no effect. */
export function checkSecurity(options: ResolvedKafkaOptions, path: string): string[] {
  return [...saslFaults(options, path), ...sslFaults(options, path)];
}

function saslFaults(options: ResolvedKafkaOptions, path: string): string[] {
  const { securityProtocol: protocol, saslMechanism: mechanism } = options;
  const given = LOGIN.filter((name) => options[name] !== undefined);
  if (!protocol.startsWith('SASL_'))
    return given.map((name) =>
      withoutEffect(name, `securityProtocol\` is ${protocol}`, path, 'the protocol to SASL_SSL or SASL_PLAINTEXT'),
    );
  const needed = neededFor(mechanism);
  const missing = needed.filter((name) => !given.includes(name));
  const vain = mechanism === undefined ? [] : given.filter((name) => !needed.includes(name));
  return [
    ...missing.map((name) => {
      const why =
        name === 'saslTokenProvider' ? `saslMechanism\` is ${mechanism}` : `securityProtocol\` is ${protocol}`;
      return `\`${path}${why}, which needs \`${path}${name}\`. Set it.`;
    }),
    ...vain.map((name) => withoutEffect(name, `saslMechanism\` is ${mechanism}`, path, 'another mechanism')),
  ];
}

function neededFor(mechanism: string | undefined): readonly Name[] {
  if (mechanism === 'OAUTHBEARER') return ['saslMechanism', 'saslTokenProvider'];
  return ['saslMechanism', 'saslUsername', 'saslPassword'];
}

function sslFaults(options: ResolvedKafkaOptions, path: string): string[] {
  const { securityProtocol: protocol, sslCertfile, sslKeyfile } = options;
  const names = (['sslCafile', 'sslCertfile', 'sslKeyfile'] as const).filter((name) => options[name] !== undefined);
  if (!protocol.endsWith('SSL'))
    return names.map((name) =>
      withoutEffect(name, `securityProtocol\` is ${protocol}`, path, 'the protocol to SSL or SASL_SSL'),
    );
  if ((sslCertfile === undefined) === (sslKeyfile === undefined)) return [];
  return [`\`${path}sslCertfile\` and \`${path}sslKeyfile\` belong together. Set both, or neither.`];
}

function withoutEffect(name: string, state: string, path: string, cure: string): string {
  return `\`${path}${name}\` has no effect while \`${path}${state}. Set ${cure}, or remove it.`;
}
