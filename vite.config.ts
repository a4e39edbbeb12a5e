import { defineConfig } from 'vitest/config';

const nestFolder = process.env['TEST_NEST_FOLDER'];

export default defineConfig({
  resolve: {
    tsconfigPaths: true,
    // tools/test-nest11.mjs runs the same suites on another Nest.
    alias: nestFolder ? [{ find: /^@nestjs\/(.+)$/, replacement: `${nestFolder}/node_modules/@nestjs/$1` }] : [],
  },
  test: {
    reporters: ['default', './tools/summary-reporter.ts'],
    maxWorkers: 2,
    coverage: { provider: 'v8', include: ['lib/**/*.ts'], reporter: ['text-summary', 'lcov'] },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'test/unit/**/*.spec.ts',
            'test/guards/**/*.spec.ts',
            'test/model/**/*.spec.ts',
            'test/nest/**/*.spec.ts',
            'test/drivers/memory*.spec.ts',
          ],
          setupFiles: ['./test/support/clean-environment.ts'],
          isolate: false,
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'brokers',
          include: [
            'test/drivers/{kafka,confluent,redis}*.spec.ts',
            'test/drivers/redis/**/*.spec.ts',
            'test/kafka/**/*.spec.ts',
            'test/e2e/**/*.spec.ts',
            'test/life/{kafkajs,redis}.spec.ts',
            'test/chaos/**/*.spec.ts',
            'test/brokers/**/*.spec.ts',
          ],
          setupFiles: ['./test/support/clean-environment.ts'],
          globalSetup: ['./test/support/brokers/global-setup.ts', './test/support/apps.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // In child processes, without a broker: on both versions of Nest.
        extends: true,
        test: {
          name: 'life',
          include: ['test/life/memory.spec.ts', 'test/avro/*.spec.ts'],
          setupFiles: ['./test/support/clean-environment.ts'],
          globalSetup: ['./test/support/apps.ts'],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'cli',
          include: ['test/cli/**/*.spec.ts'],
          setupFiles: ['./test/support/clean-environment.ts'],
          globalSetup: ['./test/support/brokers/global-setup.ts', './test/cli/build-cli.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'pack',
          include: ['test/pack/**/*.spec.ts'],
          setupFiles: ['./test/support/clean-environment.ts'],
          globalSetup: ['./test/support/brokers/global-setup.ts'],
        },
      },
    ],
  },
});
