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

/** The certificates and the key that the options name. @throws ConfigurationError when a file cannot be read. */
export function readTlsFiles({ sslCafile, sslCertfile, sslKeyfile }: TlsFiles): TlsPems {
  return {
    ...(sslCafile !== undefined && { ca: [readPem('sslCafile', sslCafile)] }),
    ...(sslCertfile !== undefined && { cert: readPem('sslCertfile', sslCertfile) }),
    ...(sslKeyfile !== undefined && { key: readPem('sslKeyfile', sslKeyfile) }),
  };
}

function readPem(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError([
      `\`${option}\` names \`${file}\`, which cannot be read: ${(error as Error).message}. Correct the path.`,
    ]);
  }
}
