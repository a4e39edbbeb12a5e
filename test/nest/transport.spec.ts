import { Controller, Get, Injectable } from '@nestjs/common';
import { EventPattern, MessagePattern, Transport } from '@nestjs/microservices';
import { afterEach, describe, expect, it } from 'vitest';
import { Consumer, MemoryBroker, messagingMicroservice, ProducerService, WorkerService } from '../../lib/index.js';
import { eventually } from '../support/eventually.js';
import { LogRecorder, testModule } from '../support/test-app.js';

const seen: string[] = [];

@Injectable()
class Audit {
  @Consumer({ topic: 'events' })
  async onEvent(message: string) {
    seen.push(`audit ${message}`);
  }
}

@Controller()
class Others {
  @EventPattern('events')
  onEvent(_message: unknown) {
    seen.push('event pattern');
  }

  @MessagePattern('orders', Transport.TCP)
  onOrder(_message: unknown) {
    seen.push('message pattern');
  }

  @Get('hello')
  hello() {
    return 'hello';
  }
}

/** An app with HTTP, ours and another transport, not started yet. */
async function create() {
  const options = { memory: { broker: new MemoryBroker() } };
  const log = new LogRecorder();
  const module = await testModule({ options, providers: [Audit], controllers: [Others] })
    .setLogger(log)
    .compile();
  return { app: module.createNestApplication(), log };
}

describe('beside other transports', () => {
  let close = async () => {};
  afterEach(async () => {
    await close();
    seen.length = 0;
  });

  it('handlers of other transports get no messages of ours, and theirs go on', async () => {
    const { app, log } = await create();
    close = () => app.close();
    app.connectMicroservice(messagingMicroservice());
    app.connectMicroservice({ transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    await app.get(ProducerService).send({ topic: 'events', message: 'one' });
    await app.get(ProducerService).send({ topic: 'orders', message: 'two' });
    await eventually(() => expect(seen).toEqual(['audit one']));
    expect(
      app
        .get(WorkerService)
        .list()
        .map(({ name }) => name),
    ).toEqual(['Audit.onEvent']);
    expect(await (await fetch(`${await app.getUrl()}/hello`)).text()).toBe('hello');
    expect(log.texts('warn')).toEqual([]);
    expect(seen).toEqual(['audit one']);
  });

  it('may be connected after the app was initialised', async () => {
    const { app } = await create();
    close = () => app.close();
    await app.init();
    app.connectMicroservice(messagingMicroservice());
    await app.startAllMicroservices();
    await app.get(ProducerService).send({ topic: 'events', message: 'one' });
    await eventually(() => expect(seen).toEqual(['audit one']));
  });
});
