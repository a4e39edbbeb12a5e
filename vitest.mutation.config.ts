import { defineConfig } from 'vitest/config';

/** The tests that mutants of the engine are run against: no broker, few model runs. */
export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    include: [
      'test/unit/{core,dispatch,engine,worker,testing}/**/*.spec.ts',
      'test/nest/**/*.spec.ts',
      'test/model/**/*.spec.ts',
    ],
    setupFiles: ['./test/support/clean-environment.ts'],
    env: { FC_RUNS: '60', FC_SEED: '7' },
    exclude: ['test/unit/worker/life.spec.ts'], // a second of waiting, and nothing of the engine's
    testTimeout: 20_000,
  },
});
