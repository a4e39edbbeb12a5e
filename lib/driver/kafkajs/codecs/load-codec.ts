import { optionalPackage } from '../../optional-package.js';
import type { CodecName } from './codec-name.js';
import type { Codec } from './codec.js';
import { lz4Codec, type Lz4Module } from './lz4.codec.js';
import { snappyCodec, type SnappyModule } from './snappy.codec.js';
import { gzip, nodeZstd } from './zlib.codec.js';
import { zstdCodec, type ZstdModule } from './zstd.codec.js';

type Import = (name: string) => Promise<unknown>;

/** By a name that the compiler does not look up: the packages may be absent, and have no types. */
const importPackage: Import = (name) => import(name);

/** @throws MissingPackageError with the line that installs it. */
export async function loadCodec(name: CodecName, importer = importPackage): Promise<Codec> {
  const load = <Module>(packageName: string) =>
    optionalPackage(packageName, `\`${name}\` compression with kafkajs`, async () => {
      const { default: loaded } = (await importer(packageName)) as { readonly default: Module };
      return loaded;
    });
  switch (name) {
    case 'gzip':
      return gzip;
    case 'snappy':
      return snappyCodec(await load<SnappyModule>('snappyjs'));
    case 'lz4':
      return lz4Codec(await load<Lz4Module>('lz4js'));
    case 'zstd':
      return nodeZstd ?? zstdCodec(await load<ZstdModule>('@bokuweb/zstd-wasm'));
  }
}
