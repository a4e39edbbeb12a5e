import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { messagingMicroservice } from 'nestjs-messaging';
import { AppModule } from './app.module.js';
import { OrdersService } from './orders.service.js';

const app = await NestFactory.create(AppModule);
app.connectMicroservice(messagingMicroservice());
app.enableShutdownHooks();
await app.startAllMicroservices();
await app.listen(process.env['PORT'] ?? 3000, '127.0.0.1');

const url = await app.getUrl();
console.log(`
The shop is open at ${url}. Try:
  curl -X POST ${url}/orders -H 'content-type: application/json' -d '{"customer":"ada","amount":42}'
  curl ${url}/orders/1
An amount above 1000 needs a second attempt; one of 0 is refused and becomes a dead letter.
`);
await app.get(OrdersService).place('grace', 7);
