import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

/** What came back from a port. */
export interface Answer {
  readonly bytes?: Buffer;
  /** Whether the TLS handshake was completed. */
  readonly isSecure: boolean;
  readonly error?: NodeJS.ErrnoException;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Longest that one look at a port may take. */
const LOOK_MS = 1_500;

/** Sends one request, through TLS where options for it are given, and tells what came back. Never rejects. */
export function askPort({ host, port }: Address, request: Buffer, tls?: ConnectionOptions): Promise<Answer> {
  return new Promise((resolve) => {
    let isSecure = false;
    const send = () => {
      isSecure = tls !== undefined;
      socket.write(request);
    };
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const socket: Socket = tls
      ? connectTls({ host, port, ...servername, ...tls }, send)
      : connectPlain({ host, port }, send);
    const end = (answer: Omit<Answer, 'isSecure'>) => {
      resolve({ isSecure, ...answer });
      socket.destroy();
    };
    socket.setTimeout(LOOK_MS, () => end({}));
    socket.once('data', (bytes) => end({ bytes }));
    socket.on('error', (error: NodeJS.ErrnoException) => end({ error })); // TLS may tell of a second one
    socket.once('close', () => end({}));
  });
}

const HEADER_BYTES = 8;

/** `SaslHandshake` v1, which a broker answers before any login: with the mechanisms it takes, or that it wants none. */
export function saslHandshake(): Buffer {
  const mechanism = Buffer.from('PLAIN');
  const request = Buffer.alloc(4 + 8 + 2 + 2 + mechanism.length);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(17, 4);
  request.writeInt16BE(1, 6);
  request.writeInt32BE(1, 8);
  request.writeInt16BE(-1, 12);
  request.writeInt16BE(mechanism.length, 14);
  mechanism.copy(request, 16);
  return request;
}

/** The mechanisms that a listener takes; none where it wants no login. Undefined when this is no broker's answer. */
export function mechanismsOf(bytes: Buffer): readonly string[] | undefined {
  if (bytes.length < HEADER_BYTES + 6 || bytes.readInt32BE(4) !== 1) return undefined;
  const names: string[] = [];
  let at = HEADER_BYTES + 6;
  for (let left = bytes.readInt32BE(HEADER_BYTES + 2); left > 0 && at + 2 <= bytes.length; left--) {
    const length = bytes.readInt16BE(at);
    names.push(bytes.toString('utf8', at + 2, at + 2 + length));
    at += 2 + length;
  }
  return names.toSorted();
}
