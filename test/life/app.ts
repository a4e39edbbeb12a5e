import 'reflect-metadata';
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  Controller,
  Get,
  Injectable,
  Module,
  type INestApplication,
  type INestApplicationContext,
  type INestMicroservice,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  EventTopic,
  MemoryBroker,
  type MessageContext,
  MessagingHealthIndicator,
  messagingMicroservice,
  type MessagingOptions,
  MessagingModule,
  ProducerService,
  Worker,
} from 'nestjs-messaging';
import { eventually } from '../support/eventually.js';
import { LIFE_BROKERS, type LifeBroker } from './life-brokers.js';

/*
 * An app that tells each step of its life and does what its input says: `send <first> <last>`, `go` (lets held start-up and handlers
 * go on), `close`, `close twice`. `PRELOAD` messages are there before it starts.
 */
const { BROKER = 'memory', ADDRESS = '', TOPIC = '', GROUP = '', MODE = 'pure', HOLD = '', INIT = '' } = process.env;
const { PRELOAD = '0', INIT_FAILS } = process.env;
const { SHUTDOWN_MS = HOLD === 'stuck' ? '500' : '20000' } = process.env;
const broker = new MemoryBroker();

const options: MessagingOptions = {
  shutdownTimeoutMs: Number(SHUTDOWN_MS),
  ...(BROKER === 'memory' ? { memory: { broker } } : LIFE_BROKERS[BROKER as LifeBroker].options(ADDRESS)),
};

class Gate {
  private open: () => void = () => {};
  private passing = new Promise<void>((resolve) => (this.open = resolve));
  readonly pass = () => this.passing;
  readonly go = () => this.open();
}
const gate = new Gate();

class Input extends EventTopic {
  static readonly topicName = TOPIC;
  static override readonly partitions = 1;
}

/** A user's own resource. Its module is an ordinary one: Nest knows of no order between it and the handlers. */
@Injectable()
class Database implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  isOpen = false;

  async onModuleInit() {
    await this.step('initialising');
    this.isOpen = true;
  }

  async onApplicationBootstrap() {
    await this.step('bootstrapping');
    console.log('bootstrapped');
  }

  /** The step that is held waits, and fails if it is to. */
  private async step(name: string) {
    if (INIT !== name) return;
    console.log(name);
    await gate.pass();
    if (INIT_FAILS) throw new Error('the database is not there');
  }

  onModuleDestroy() {
    this.isOpen = false;
    console.log('database closed');
  }

  /** An embedded broker ends with the process: what is left on it is handled here, by another app. */
  async onApplicationShutdown() {
    if (BROKER === 'memory') await (leftovers ??= handleTheRest());
  }
}

@Controller()
class Handlers {
  constructor(
    private readonly database: Database,
    private readonly producer: ProducerService,
  ) {}

  @Worker({ topic: Input, groupId: GROUP, concurrency: 4 })
  async handle(n: number, { signal }: MessageContext) {
    console.log(`begin ${n}`);
    if (HOLD === 'stuck') signal.addEventListener('abort', () => console.log(`aborted ${n}`));
    if (HOLD === 'stuck') await new Promise(() => {});
    if (HOLD) await gate.pass();
    await this.producer.send({ topic: `${TOPIC}-done`, message: n });
    console.log(`end ${n} ${this.database.isOpen ? 'open' : 'closed'}`);
  }

  @Get('slow')
  async slow() {
    console.log('request begins');
    await gate.pass();
    await this.producer.send({ topic: `${TOPIC}-done`, message: 'request' });
    return 'sent';
  }
}

class Done extends EventTopic {
  static readonly topicName = `${TOPIC}-done`;
}

@Module({ providers: [Database], exports: [Database] })
class DatabaseModule {}

@Module({
  imports: [MessagingModule.forRoot(options), MessagingModule.forFeature([Done]), DatabaseModule],
  controllers: [Handlers],
})
class AppModule {}

@Controller()
class Rest {
  @Worker({ topic: Input, groupId: GROUP })
  async handle(n: number) {
    console.log(`rest ${n}`);
  }
}

@Module({ imports: [MessagingModule.forRoot({ memory: { broker } })], controllers: [Rest] })
class RestModule {}

let leftovers: Promise<void> | undefined;

async function handleTheRest(): Promise<void> {
  const log = broker.topic(TOPIC)?.logs[0];
  if (!log) return;
  const app = await NestFactory.createMicroservice(RestModule, messagingMicroservice());
  await app.listen();
  await eventually(() => {
    const position = broker.group(GROUP).position(TOPIC, 0);
    if (position !== log.end) throw new Error(`the position is ${position} of ${log.end}`);
  });
  await app.close();
}

@Module({ imports: [MessagingModule.forRoot(options), MessagingModule.forFeature([Input])] })
class SenderModule {}

async function preload(count: number): Promise<void> {
  const app = await NestFactory.createApplicationContext(SenderModule);
  await send(app, 0, count - 1);
  await app.close();
}

type App = INestApplication | INestMicroservice;

async function create(): Promise<App> {
  const options = { abortOnError: false };
  if (MODE === 'pure') return NestFactory.createMicroservice(AppModule, { ...messagingMicroservice(), ...options });
  const app = await NestFactory.create(AppModule, options);
  app.connectMicroservice(messagingMicroservice());
  return app;
}

async function start(app: App): Promise<void> {
  if (!('getUrl' in app)) return void (await app.listen());
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  console.log(await app.getUrl());
  if (isClosing) app.getHttpServer().close(); // Nest opens the port, although the app was closed meanwhile
}

function listenTo(app: App): void {
  let closing = Promise.resolve();
  app.enableShutdownHooks();
  process.once('SIGTERM', () => console.log('signal'));
  createInterface({ input: process.stdin }).on('line', (line) => {
    const [verb, ...words] = line.split(' ');
    if (verb === 'go') void closing.then(() => gate.go());
    if (verb === 'send') void send(app, Number(words[0]), Number(words[1]));
    if (verb !== 'close') return;
    void close(app, words[0] === 'twice');
    if (isStarted) closing = untilDraining(app);
  });
}

/** What is said behind `close` may come in the same turn, and handlers that go on before the drain would make way for others. */
async function untilDraining(app: App): Promise<void> {
  const health = app.get(MessagingHealthIndicator);
  while (!health.readiness().messaging.problems.includes('the app closes')) await nextTurn();
}

async function send(app: INestApplicationContext, first: number, last: number): Promise<void> {
  const messages = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  await app.get(ProducerService).sendBatch({ topic: Input, messages, key: String });
  console.log(`sent ${last}`);
}

async function close(app: App, twice: boolean): Promise<void> {
  isClosing = true;
  await Promise.all(twice ? [app.close(), app.close()] : [app.close()]);
  if (twice) await app.close();
  console.log('closed');
  process.stdin.destroy(); // nothing else may keep the process alive
}

if (PRELOAD !== '0') await preload(Number(PRELOAD));
let isStarted = false;
let isClosing = false;
const app = await create();
listenTo(app);
try {
  await start(app);
  isStarted = true;
  console.log('started');
} catch (error) {
  console.log(`start failed: ${(error as Error).message}`);
  await app.close();
  process.stdin.destroy();
  process.exitCode = 1;
}
