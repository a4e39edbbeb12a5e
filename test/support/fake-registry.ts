import avsc from 'avsc';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

/** What a registry answers instead of its own answer; `hang` never answers. */
export type Fault = { readonly status: number; readonly body: string } | 'hang' | 'break';

interface Stored {
  readonly id: number;
  readonly schema: string;
  readonly schemaType: string | undefined;
  readonly references: unknown;
}

interface FakeRegistryOptions {
  /** A real registry whose answers it hands on, with the faults and counts in front of it. */
  readonly behind?: string;
  readonly tls?: ServerOptions;
}

/** A schema registry in this process: what of Confluent's API the client uses, and faults on request. */
export class FakeRegistry {
  /** `POST /subjects/x/versions`, in the order they came. */
  readonly requests: string[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  /** Answers the next requests with these, one each; undefined is its own answer. */
  readonly faults: (Fault | undefined)[] = [];
  /** Answers every request with it, while it is set. */
  fault: Fault | undefined;
  private readonly schemas: Stored[] = [];
  private readonly subjects = new Map<string, number[]>();

  private port = 0;

  private constructor(
    private readonly server: Server,
    private readonly options: FakeRegistryOptions,
  ) {}

  static async start(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
    const listener = (request: IncomingMessage, response: ServerResponse) => void registry.handle(request, response);
    const server = options.tls ? createSecureServer(options.tls, listener) : createServer(listener);
    const registry: FakeRegistry = new FakeRegistry(server, options);
    await registry.listen();
    return registry;
  }

  /** At the same address as before. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http${this.options.tls ? 's' : ''}://127.0.0.1:${this.port}`;
  }

  /** Puts a schema there as another service would; returns its id. */
  add(subject: string, schema: string, more: { schemaType?: string; references?: unknown } = {}): number {
    const known = this.schemas.find((one) => one.schema === schema);
    const id = known?.id ?? 1000 + this.schemas.length;
    if (!known) this.schemas.push({ id, schema, schemaType: more.schemaType, references: more.references });
    const versions = this.subjects.get(subject) ?? [];
    if (!versions.includes(id)) this.subjects.set(subject, [...versions, id]);
    return id;
  }

  get subjectNames(): string[] {
    return [...this.subjects.keys()];
  }

  /** Nobody listens there any more, until `listen`. */
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.requests.push(`${request.method} ${request.url}`);
    this.headers.push(request.headers);
    const fault = this.faults.shift() ?? this.fault;
    if (fault === 'hang') return;
    if (fault === 'break') return void request.socket.destroy();
    const text = Buffer.concat(chunks).toString('utf8');
    const [status, body] = fault ? [fault.status, fault.body] : await this.ownAnswer(request, text);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  private async ownAnswer(request: IncomingMessage, text: string): Promise<[number, unknown]> {
    const { behind } = this.options;
    if (behind === undefined) return this.answer(request, text === '' ? {} : (JSON.parse(text) as { schema: string }));
    const { method = '', url = '' } = request;
    const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
    const answer = await fetch(behind + url, { method, headers, ...(text !== '' && { body: text }) });
    return [answer.status, await answer.text()];
  }

  private answer(
    { method, url = '' }: IncomingMessage,
    { schema, references }: { schema?: string; references?: unknown },
  ): [number, unknown] {
    const [path = ''] = url.split('?');
    const parts = path.split('/').slice(1).map(decodeURIComponent);
    if (parts[0] === 'schemas' && parts[3] === 'versions') return this.subjectsOf(Number(parts[2]));
    if (url === '/schemas/types') return [200, ['AVRO']];
    if (parts[0] === 'schemas') return this.byId(Number(parts[2]));
    if (parts[0] === 'compatibility') {
      if (!this.subjects.has(parts[2] ?? '')) return [404, { error_code: 40401, message: 'Subject not found' }];
      const isCompatible = this.accepts(parts[2] ?? '', schema ?? '');
      return [200, { is_compatible: isCompatible, messages: isCompatible ? [] : ['a field without a default'] }];
    }
    const [, subject = '', , version] = parts;
    if (method === 'GET') return this.version(subject, Number(version));
    if (parts[2] === 'versions') return this.register(subject, schema ?? '', references);
    const known = this.subjects.get(subject);
    if (!known) return [404, { error_code: 40401, message: 'Subject not found' }];
    const found = this.schemas.find((one) => one.schema === schema && known.includes(one.id));
    return found ? [200, { subject, id: found.id }] : [404, { error_code: 40403, message: 'Schema not found' }];
  }

  private register(subject: string, schema: string, references: unknown): [number, unknown] {
    if (references !== undefined) return [200, { id: this.add(subject, schema, { references }) }];
    if (parsed(schema) === undefined)
      return [422, { error_code: 42201, message: 'Input schema is an invalid Avro schema' }];
    if (!this.accepts(subject, schema))
      return [409, { error_code: 409, message: 'Schema being registered is incompatible' }];
    return [200, { id: this.add(subject, schema) }];
  }

  /** Backward: the new schema reads what the latest one wrote. */
  private accepts(subject: string, schema: string): boolean {
    const latest = this.schemas.find(({ id }) => id === this.subjects.get(subject)?.at(-1));
    if (latest === undefined || latest.schema === schema) return true;
    try {
      parsed(schema)?.createResolver(parsed(latest.schema) as avsc.Type);
      return true;
    } catch {
      return false;
    }
  }

  private byId(id: number): [number, unknown] {
    const found = this.schemas.find((one) => one.id === id);
    if (!found) return [404, { error_code: 40403, message: 'Schema not found' }];
    const { schema, schemaType, references } = found;
    return [200, { schema, ...(schemaType && { schemaType }), ...(references !== undefined && { references }) }];
  }

  private subjectsOf(id: number): [number, unknown] {
    const found = [...this.subjects].filter(([, ids]) => ids.includes(id));
    return [200, found.map(([subject, ids]) => ({ subject, version: ids.indexOf(id) + 1 }))];
  }

  private version(subject: string, version: number): [number, unknown] {
    const id = this.subjects.get(subject)?.[version - 1];
    const found = this.schemas.find((one) => one.id === id);
    return found
      ? [200, { subject, version, id, schema: found.schema, references: found.references }]
      : [404, { error_code: 40402, message: 'Version not found' }];
  }
}

function parsed(schema: string): avsc.Type | undefined {
  try {
    return avsc.Type.forSchema(JSON.parse(schema) as avsc.Schema);
  } catch {
    return undefined;
  }
}
