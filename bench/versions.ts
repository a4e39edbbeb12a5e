import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { KAFKA_VERSION } from '../test/support/brokers/kafka.js';

const PACKAGES = {
  kafkajs: 'node_modules/kafkajs',
  '@confluentinc/kafka-javascript': 'node_modules/@confluentinc/kafka-javascript',
  ioredis: 'node_modules/ioredis',
  '@nestjs/core': 'node_modules/@nestjs/core',
  '@nestjs/microservices': 'node_modules/@nestjs/microservices',
  '@nest-native/kafka': 'bench/references/node_modules/@nest-native/kafka',
  bullmq: 'bench/references/node_modules/bullmq',
};

/** Of everything that takes part. @param redis its URL. */
export async function versions(redis: string): Promise<Readonly<Record<string, string>>> {
  const client = new Redis(redis);
  const [, server = 'unknown'] = /redis_version:(\S+)/.exec(await client.info('server')) ?? [];
  client.disconnect();
  const kafka = process.env['TEST_KAFKA_BOOTSTRAP_SERVERS'] ? 'as given' : KAFKA_VERSION;
  const found = Object.entries(PACKAGES).map(([name, folder]) => {
    const { version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as { readonly version: string };
    return [name, version];
  });
  return { Node: process.versions.node, Kafka: kafka, Redis: server, ...Object.fromEntries(found) };
}
