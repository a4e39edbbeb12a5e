import { sleep, type Clock } from '../core/clock.js';
import type { ResolvedRegistryOptions } from '../options/registry.options.js';
import {
  IncompatibleSchemaError,
  InvalidSchemaError,
  RegistryAuthError,
  RegistryTlsError,
  RegistryUnavailableError,
  SchemaNotFoundError,
  SchemaRegistryError,
  SubjectNotFoundError,
} from './errors.js';
import { RegistryHttp, type RegistryAnswer, type RegistryRequest } from './registry-http.js';

/** Rounds over all URLs after the first. */
const REPEATS = 2;
const FIRST_PAUSE_MS = 100;

/** Requests to a registry of several URLs: another is asked when one cannot answer, and the last good one first. */
export class RegistryRequests {
  private readonly urls: readonly URL[];
  private readonly http: RegistryHttp;
  private good = 0;

  constructor(
    options: ResolvedRegistryOptions,
    private readonly clock: Clock,
  ) {
    this.urls = (options.schemaRegistryUrl ?? '').split(',').map((url) => new URL(url.trim()));
    this.http = new RegistryHttp(options, clock);
  }

  /** @throws SchemaRegistryError, of the class that the answer asks for. */
  async ask(request: RegistryRequest, repeats = REPEATS): Promise<unknown> {
    let last: SchemaRegistryError | undefined;
    for (let round = 0; round <= repeats; round++) {
      if (round > 0) await sleep(this.clock, FIRST_PAUSE_MS * 2 ** (round - 1));
      for (let turn = 0; turn < this.urls.length; turn++) {
        const index = (this.good + turn) % this.urls.length;
        const result = await this.attempt(this.urls[index] as URL, request);
        if (!(result instanceof RegistryUnavailableError)) this.good = index;
        if (!(result instanceof SchemaRegistryError)) return result.body;
        if (!(result instanceof RegistryUnavailableError)) throw result;
        last = result;
      }
    }
    throw last as SchemaRegistryError;
  }

  close(): void {
    this.http.close();
  }

  private async attempt(url: URL, request: RegistryRequest): Promise<RegistryAnswer | SchemaRegistryError> {
    const what = `${request.method} ${request.path} at ${url.host}`;
    try {
      const answer = await this.http.ask(url, request);
      return errorOf(answer, what) ?? answer;
    } catch (cause) {
      const text = `The schema registry did not answer ${what}: ${reasonOf(cause as Error)}.`;
      return isTls(cause as NodeJS.ErrnoException)
        ? new RegistryTlsError(`${text} Set \`schemaRegistryCafile\`, or the client's certificate and key.`, { cause })
        : new RegistryUnavailableError(`${text} Look at the registry and at \`schemaRegistryUrl\`.`, { cause });
    }
  }
}

function errorOf({ status, body }: RegistryAnswer, what: string): SchemaRegistryError | undefined {
  if (status >= 200 && status < 300 && body !== undefined) return undefined;
  const { error_code: errorCode, message } = (body ?? {}) as {
    readonly error_code?: number;
    readonly message?: string;
  };
  const text = `The schema registry answered ${what} with ${status}${errorCode ? ` (${errorCode})` : ''}: ${message ?? 'no JSON'}.`;
  const details = { status, errorCode };
  if (status < 300 || status === 408 || status === 429 || status >= 500)
    return new RegistryUnavailableError(`${text} Look at the registry and at \`schemaRegistryUrl\`.`, details);
  if (status === 401 || status === 403)
    return new RegistryAuthError(`${text} Correct the user, the token, or its rights.`, details);
  if (status === 404)
    return notFound(what, errorCode)
      ? new SchemaNotFoundError(`${text} Name the registry that the sender registers its schemas in.`, details)
      : new SubjectNotFoundError(`${text} Register the schema, or set \`schemaRegistryAutoRegister\`.`, details);
  if (status === 409)
    return new IncompatibleSchemaError(
      `${text} Change the schema so that it stays compatible, or the subject's rule.`,
      details,
    );
  if (status === 422) return new InvalidSchemaError(`${text} Correct the schema, or what its subject allows.`, details);
  return new SchemaRegistryError(`${text} Look at \`schemaRegistryUrl\`: it may be another service's.`, details);
}

/** A schema that is not there by its id; some registries answer with an empty body. */
function notFound(what: string, errorCode: number | undefined): boolean {
  return errorCode === 40403 ? what.includes('/schemas/') : errorCode === undefined && what.includes('/schemas/');
}

/** Every address of a host that refused is in an AggregateError without a text. */
function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return error.message || (code ?? 'unknown');
}

function isTls({ code = '' }: NodeJS.ErrnoException): boolean {
  return /^(ERR_SSL|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH)/.test(code);
}
