import { Controller, Get, Injectable } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { afterEach, describe, expect, it } from 'vitest';
import { Consumer, MessagingHealthIndicator, messagingMicroservice, ProducerService } from '../../../lib/index.js';
import { eventually } from '../../support/eventually.js';
import { LogRecorder, testModule } from '../../support/test-app.js';

@Controller()
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly messaging: MessagingHealthIndicator,
  ) {}

  @Get('started')
  @HealthCheck()
  started() {
    return this.health.check([() => this.messaging.startup()]);
  }

  @Get('ready')
  @HealthCheck()
  ready() {
    return this.health.check([() => this.messaging.readiness('kafka')]);
  }

  @Get('live')
  @HealthCheck()
  live() {
    return this.health.check([() => this.messaging.liveness()]);
  }
}

@Injectable()
class Handlers {
  @Consumer({ topic: 'a', maxRetries: 0, deadLetter: 'stop' })
  async onA() {
    throw new Error('no');
  }
}

describe('a health check of @nestjs/terminus', () => {
  let close = async () => {};
  afterEach(() => close());

  it('answers 200 while all is well, and 503 with the reason when a handler has failed', async () => {
    const builder = testModule({
      options: { broker: 'memory' },
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController],
      providers: [Handlers],
    });
    const module = await builder.setLogger(new LogRecorder()).compile();
    const app = module.createNestApplication();
    close = () => app.close();
    app.connectMicroservice(messagingMicroservice());
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    const ask = async (probe: string) => {
      const response = await fetch(`${url}/${probe}`);
      return { status: response.status, body: (await response.json()) as unknown };
    };
    await eventually(async () => expect(await ask('started')).toMatchObject({ status: 200 }));
    expect(await ask('ready')).toMatchObject({
      status: 200,
      body: { status: 'ok', info: { kafka: { status: 'up', handlers: { running: ['Handlers.onA'] } } }, error: {} },
    });
    await app.get(ProducerService).send({ topic: 'a', message: 1 });
    const problems = ['handler Handlers.onA has failed: no'];
    await eventually(async () =>
      expect(await ask('ready')).toMatchObject({
        status: 503,
        body: { status: 'error', error: { kafka: { status: 'down', problems } } },
      }),
    );
    expect(await ask('live')).toMatchObject({ status: 200 });
  });
});
