import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigurationError } from '../core/errors.js';

export interface TlsFiles {
  readonly sslCafile: string | undefined;
  readonly sslCertfile: string | undefined;
  readonly sslKeyfile: string | undefined;
}

/** What `node:tls` takes. */
export interface TlsPems {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
}

/**
 * The certificates and the key that the options name.
 * @throws ConfigurationError when a file cannot be read, is no PEM, or the key is another certificate's.
 */
export function readTlsFiles({ sslCafile, sslCertfile, sslKeyfile }: TlsFiles): TlsPems {
  const pems: TlsPems = {
    ...(sslCafile !== undefined && { ca: [readPem('sslCafile', sslCafile, toCertificate)] }),
    ...(sslCertfile !== undefined && { cert: readPem('sslCertfile', sslCertfile, toCertificate) }),
    ...(sslKeyfile !== undefined && { key: readPem('sslKeyfile', sslKeyfile, createPrivateKey) }),
  };
  const { cert, key } = pems;
  if (cert === undefined || key === undefined || new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    return pems;
  throw new ConfigurationError([
    `\`sslKeyfile\` (\`${sslKeyfile}\`) is not the key of \`sslCertfile\` (\`${sslCertfile}\`). Name the two files of one pair.`,
  ]);
}

/** A client may take any text in silence, and refuse every server then; and librdkafka would ask the terminal for a key's passphrase. */
function readPem(option: string, file: string, parse: (pem: string) => unknown): string {
  const pem = readText(option, file);
  try {
    parse(pem);
    return pem;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const cure = code === 'ERR_MISSING_PASSPHRASE' ? 'Decrypt it (openssl pkey).' : 'Name a PEM file of that kind.';
    throw new ConfigurationError([`\`${option}\` names \`${file}\`, which cannot be used: ${message}. ${cure}`]);
  }
}

function toCertificate(pem: string): X509Certificate {
  return new X509Certificate(pem);
}

function readText(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError([
      `\`${option}\` names \`${file}\`, which cannot be read: ${(error as Error).message}. Correct the path.`,
    ]);
  }
}
