// Writes the public API of each entry point to etc/, or with CI set fails when it differs from what is committed there.
import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const entries = {
  index: 'dist/index.d.ts',
  testing: 'dist/testing/index.d.ts',
  avro: 'dist/avro/index.d.ts',
  cli: 'dist/cli/index.d.ts',
};
const localBuild = !process.env.CI && process.argv.includes('--update');
mkdirSync('etc', { recursive: true });

for (const [name, entry] of Object.entries(entries)) {
  if (!existsSync(entry)) throw new Error(`${entry} is missing; run: npm run build`);
  const config = ExtractorConfig.prepare({
    configObjectFullPath: resolve('api-extractor.json'),
    packageJsonFullPath: resolve('package.json'),
    configObject: {
      projectFolder: resolve('.'),
      mainEntryPointFilePath: resolve(entry),
      compiler: { tsconfigFilePath: resolve('tsconfig.build.json') },
      apiReport: {
        enabled: true,
        reportFolder: resolve('etc'),
        reportFileName: `${name}.api.md`,
        reportTempFolder: resolve('node_modules/.cache/api'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        extractorMessageReporting: {
          default: { logLevel: 'warning' },
          'ae-missing-release-tag': { logLevel: 'none' },
          'ae-forgotten-export': { logLevel: 'none' },
          'ae-undocumented': { logLevel: 'none' },
        },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
  const { succeeded, apiReportChanged } = Extractor.invoke(config, { localBuild, showVerboseMessages: false });
  if (!succeeded && apiReportChanged) console.error(`etc/${name}.api.md is out of date; run: npm run api -- --update`);
  if (!succeeded) process.exitCode = 1;
}
