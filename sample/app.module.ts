import { Module } from '@nestjs/common';
import { MessagingModule } from 'nestjs-messaging';
import { OrdersController } from './orders.controller.js';
import { OrdersService } from './orders.service.js';
import { PaymentWorker } from './payment.worker.js';
import { PaymentsConsumer } from './payments.consumer.js';

@Module({
  imports: [MessagingModule.forRoot({ broker: process.env['MESSAGING_BROKER'] ?? 'memory', groupId: 'shop' })],
  controllers: [OrdersController],
  providers: [OrdersService, PaymentWorker, PaymentsConsumer],
})
export class AppModule {}
