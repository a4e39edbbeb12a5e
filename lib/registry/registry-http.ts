import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { Clock } from '../core/clock.js';
import type { ResolvedRegistryOptions } from '../options/registry.options.js';

const MAX_BODY = 1_048_576;
const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';

export interface RegistryAnswer {
  readonly status: number;
  /** Undefined where the body was no JSON. */
  readonly body: unknown;
}

export interface RegistryRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
}

interface AuthorizedRequest extends RegistryRequest {
  readonly authorization: string | undefined;
}

/** Requests to one registry. Not `fetch`: it cannot be given certificates without another package. */
export class RegistryHttp {
  private readonly secure: https.Agent;
  private readonly plain = new http.Agent({ keepAlive: true, maxSockets: 8 });

  constructor(
    private readonly options: ResolvedRegistryOptions,
    private readonly clock: Clock,
  ) {
    const { schemaRegistryCafile: ca, schemaRegistryCertfile: cert, schemaRegistryKeyfile: key } = options;
    this.secure = new https.Agent({
      keepAlive: true,
      maxSockets: 8,
      ...(ca && { ca: readFileSync(ca) }),
      ...(cert && { cert: readFileSync(cert) }),
      ...(key && { key: readFileSync(key) }),
    });
  }

  /** @throws Error of the network, of TLS, or of the timeout, which bounds the function that gets the token too. */
  ask(base: URL, request: RegistryRequest): Promise<RegistryAnswer> {
    const { schemaRegistryTimeoutMs: timeoutMs } = this.options;
    return new Promise((resolve, reject) => {
      const failed = new AbortController();
      const fail = (error: Error) => {
        cancel();
        failed.abort();
        reject(error);
      };
      const cancel = this.clock.after(timeoutMs, () => fail(new Error(`no answer within ${timeoutMs} ms`)));
      this.authorization(base)
        .then((authorization) => this.exchange(base, { ...request, authorization }, failed.signal))
        .then((answer) => {
          cancel();
          resolve(answer);
        }, fail);
    });
  }

  close(): void {
    this.plain.destroy();
    this.secure.destroy();
  }

  private async authorization({ username, password }: URL): Promise<string | undefined> {
    const { schemaRegistryToken: token, schemaRegistryUsername: user, schemaRegistryPassword: secret } = this.options;
    if (token !== undefined) return `Bearer ${typeof token === 'function' ? await token() : token}`;
    const [name, word] =
      username === '' ? [user, secret] : [decodeURIComponent(username), decodeURIComponent(password)];
    return name === undefined ? undefined : `Basic ${Buffer.from(`${name}:${word ?? ''}`).toString('base64')}`;
  }

  private exchange(base: URL, request: AuthorizedRequest, signal: AbortSignal): Promise<RegistryAnswer> {
    const { method, path, body, authorization } = request;
    const isSecure = base.protocol === 'https:';
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const outgoing = (isSecure ? https : http).request(
        { ...addressOf(base, path), method, agent: isSecure ? this.secure : this.plain, signal },
        (response) => collect(response, resolve, reject),
      );
      outgoing.on('error', reject);
      outgoing.setHeader('accept', `${MEDIA_TYPE}, application/json`);
      if (authorization !== undefined) outgoing.setHeader('authorization', authorization);
      if (text !== undefined) outgoing.setHeader('content-type', MEDIA_TYPE);
      outgoing.end(text);
    });
  }
}

function addressOf({ protocol, hostname, port, pathname }: URL, path: string) {
  const host = hostname.replace(/^\[|\]$/g, '');
  return { protocol, hostname: host, port, path: pathname.replace(/\/$/, '') + path };
}

/** The whole body, up to a bound: a registry's answer is a schema, not a download. */
function collect(
  response: http.IncomingMessage,
  finish: (answer: RegistryAnswer) => void,
  fail: (error: Error) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
    chunks.push(chunk);
    if (size > MAX_BODY) fail(new Error(`an answer of more than ${MAX_BODY} bytes`));
  });
  response.on('error', fail);
  response.on('aborted', () => fail(new Error('the connection broke in the middle of an answer')));
  response.on('end', () => finish({ status: response.statusCode ?? 0, body: parsed(Buffer.concat(chunks)) }));
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    return undefined; // a proxy's page: told by the status, or asked again
  }
}
