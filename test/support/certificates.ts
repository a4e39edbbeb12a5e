import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Pair {
  readonly cert: string;
  readonly key: string;
  /** Key, certificate and authority in one file, as Kafka takes them. */
  readonly all: string;
}

interface LeafOptions {
  /** As in `subjectAltName`. */
  readonly names?: string;
  readonly days?: number;
  readonly by?: string;
}

const HERE = 'DNS:localhost,IP:127.0.0.1';
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** An authority, what it signs, and another that nobody knows; made on the fly in a folder that is removed. */
export class Certificates {
  private readonly folder = mkdtempSync(join(tmpdir(), 'nestjs-messaging-tls-'));
  readonly ca: string;
  readonly strangerCa: string;

  constructor() {
    this.ca = this.authority('ca');
    this.strangerCa = this.authority('stranger');
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  leaf(name: string, { names = HERE, days = 2, by = 'ca' }: LeafOptions = {}): Pair {
    const [cert, key, request] = ['crt', 'key', 'csr'].map((ext) => this.path(`${name}.${ext}`)) as [
      string,
      string,
      string,
    ];
    const extensions = this.path(`${name}.ext`);
    writeFileSync(extensions, `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`);
    openssl(['req', ...EC, '-keyout', key, '-out', request, '-subj', `/CN=${name}`]);
    const signer = ['-CA', this.path(`${by}.crt`), '-CAkey', this.path(`${by}.key`), '-CAcreateserial'];
    openssl(['x509', '-req', '-in', request, ...signer, '-days', String(days), '-extfile', extensions, '-out', cert]);
    const all = this.path(`${name}.pem`);
    writeFileSync(all, [key, cert, this.path(`${by}.crt`)].map((file) => readFileSync(file, 'utf8')).join(''));
    return { cert, key, all };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private authority(name: string): string {
    const [cert, key] = [this.path(`${name}.crt`), this.path(`${name}.key`)];
    const what = ['-days', '2', '-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE'];
    openssl(['req', '-x509', ...EC, '-keyout', key, '-out', cert, ...what]);
    return cert;
  }
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
