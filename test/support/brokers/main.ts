import { acquireBrokers } from './acquire.js';

/** `npm run brokers`: the tests' brokers for a person, until Ctrl-C. */
const { brokers, stop } = await acquireBrokers();
const shown = Object.entries({
  KAFKA_BOOTSTRAP_SERVERS: brokers.kafka,
  REDIS_URL: brokers.redis,
  KAFKA_SCHEMA_REGISTRY_URL: brokers.registry,
});
for (const [variable, found] of shown)
  console.log('address' in found ? `export ${variable}=${found.address}` : `# ${variable}: ${found.missing}`);
console.error('The brokers run until Ctrl-C.');

const keepAlive = setInterval(() => {}, 60_000);
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    clearInterval(keepAlive);
    void stop().then(() => process.exit(0));
  });
