import type { ConnectionOptions } from 'node:tls';
import { AuthenticationError, toError, type MessagingError } from '../../core/errors.js';
import type { ResolvedKafkaOptions } from '../../options/kafka.options.js';
import { readTlsFiles } from '../tls-files.js';
import { askPort, mechanismsOf, saslHandshake, type Address, type Answer } from './port-probe.js';

const UNKNOWN_CA =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE)$/;
/** Alerts of the server after a handshake that we thought complete (TLS 1.3). */
const WANTS_CERTIFICATE = /CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE/;
const REFUSES_CERTIFICATE = /ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_(UNKNOWN|EXPIRED|REVOKED)|UNSUPPORTED_CERT)/;
const NO_TCP = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/;

/**
 * After a connect that failed: what is wrong between the options and the port, as both clients tell it alike. A client only sees a connection
 * that closes when it speaks TLS to a port without, or the other way round, and would try for ever.
 */
export async function explainRefusal(error: MessagingError, options: ResolvedKafkaOptions): Promise<MessagingError> {
  const { connection = 'kafka', cause = error } = error;
  for (const server of options.bootstrapServers) {
    const reason = await faultOf(server, options);
    if (reason === undefined) continue;
    return new AuthenticationError(`Connection \`${connection}\` cannot use ${server}: ${reason}`, {
      connection,
      cause,
    });
  }
  return error instanceof AuthenticationError && error.cause ? refusedLogin(error, options) : error;
}

/** The port is right, and the broker did not take the credentials. */
function refusedLogin({ connection, cause }: AuthenticationError, options: ResolvedKafkaOptions): AuthenticationError {
  const { saslMechanism = '', saslUsername, bootstrapServers } = options;
  const who = saslUsername === undefined ? 'the token' : `the user \`${saslUsername}\``;
  const cure = saslUsername === undefined ? '`saslTokenProvider`' : '`saslUsername` and `saslPassword`';
  return new AuthenticationError(
    `Connection \`${connection}\` refused the login: ${bootstrapServers.join(', ')} does not take ${who} by ${saslMechanism} (${toError(cause).message}). Correct ${cure}.`,
    { connection, cause },
  );
}

/** Undefined when nothing is wrong, or nobody is there. */
async function faultOf(server: string, options: ResolvedKafkaOptions): Promise<string | undefined> {
  const address = toAddress(server);
  const wantsTls = options.securityProtocol.endsWith('SSL');
  const answer = await askPort(address, saslHandshake(), wantsTls ? readTlsFiles(options) : undefined);
  if (NO_TCP.test(answer.error?.code ?? '')) return undefined;
  const mechanisms = answer.bytes && mechanismsOf(answer.bytes);
  if (mechanisms) return loginFault(mechanisms, options);
  return wantsTls ? secureFault(answer, address, options) : plainFault(address, options);
}

function loginFault(mechanisms: readonly string[], options: ResolvedKafkaOptions): string | undefined {
  const { securityProtocol: protocol, saslMechanism = '' } = options;
  const list = mechanisms.join(', ');
  if (!protocol.startsWith('SASL_')) {
    if (mechanisms.length === 0) return undefined;
    return `this port wants a login (${list}), and \`securityProtocol\` is ${protocol}. Set it to ${protocol === 'SSL' ? 'SASL_SSL' : 'SASL_PLAINTEXT'}, with \`saslMechanism\` and its login.`;
  }
  if (mechanisms.length === 0)
    return `this port takes no login, and \`securityProtocol\` is ${protocol}. Set it to ${protocol.slice('SASL_'.length)}, or use the port with the login.`;
  if (mechanisms.includes(saslMechanism)) return undefined;
  return `this port takes logins by ${list}, and \`saslMechanism\` is ${saslMechanism}. Set one of those.`;
}

async function plainFault(address: Address, { securityProtocol }: ResolvedKafkaOptions): Promise<string | undefined> {
  const { isSecure } = await askPort(address, saslHandshake(), UNCHECKED);
  if (!isSecure) return undefined;
  return `this port speaks TLS, and \`securityProtocol\` is ${securityProtocol}. Set it to ${securityProtocol === 'PLAINTEXT' ? 'SSL' : 'SASL_SSL'}.`;
}

/** To see whether there is TLS at all. Nothing but a question that everybody may ask goes through it. */
const UNCHECKED: ConnectionOptions = { rejectUnauthorized: false };

async function secureFault(
  { error }: Answer,
  address: Address,
  options: ResolvedKafkaOptions,
): Promise<string | undefined> {
  const { code = '', message = '' } = error ?? {};
  const { sslCafile, sslCertfile, securityProtocol } = options;
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has expired. Renew it at the broker.';
  if (code === 'CERT_NOT_YET_VALID') return 'its certificate is not valid yet. Look at the clocks of both machines.';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `its certificate is for another name (${message}). Use a name that it has in \`bootstrapServers\`, or give the broker one for this name.`;
  if (UNKNOWN_CA.test(code)) {
    const trusted = sslCafile === undefined ? "Node's own list" : `\`sslCafile\` (\`${sslCafile}\`)`;
    return `its certificate is signed by an authority that is not trusted: it is not in ${trusted}. Name the file of the broker's authority in \`sslCafile\`.`;
  }
  if (WANTS_CERTIFICATE.test(code) && sslCertfile === undefined)
    return 'this port wants a certificate of the client. Set `sslCertfile` and `sslKeyfile`.';
  if (WANTS_CERTIFICATE.test(code) || REFUSES_CERTIFICATE.test(code)) return refusedCertificate(options);
  const plain = await askPort(address, saslHandshake());
  if (!plain.bytes || !mechanismsOf(plain.bytes)) return undefined;
  return `this port speaks without TLS, and \`securityProtocol\` is ${securityProtocol}. Set it to ${securityProtocol === 'SSL' ? 'PLAINTEXT' : 'SASL_PLAINTEXT'}, or use the port with TLS.`;
}

/** Java's brokers answer an absent certificate with `bad certificate` too. */
function refusedCertificate({ sslCertfile }: ResolvedKafkaOptions): string {
  if (sslCertfile === undefined)
    return 'this port wants a certificate of the client. Set `sslCertfile` and `sslKeyfile`.';
  return `this port refuses the certificate of \`sslCertfile\` (\`${sslCertfile}\`). Use one that is valid, and signed by an authority that the broker trusts.`;
}

function toAddress(server: string): Address {
  const at = server.lastIndexOf(':');
  return { host: server.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(server.slice(at + 1)) };
}
