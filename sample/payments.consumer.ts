import { Injectable } from '@nestjs/common';
import { Consumer, type MessageContext } from 'nestjs-messaging';
import type { Order, Payment } from './order.js';
import { OrdersService } from './orders.service.js';

@Injectable()
export class PaymentsConsumer {
  constructor(private readonly orders: OrdersService) {}

  @Consumer({ topic: 'payments' })
  async onPayment(payment: Payment, context: MessageContext): Promise<void> {
    this.orders.mark(payment.orderId, 'paid');
    console.log(`order ${payment.orderId} paid (${context.key}, ${payment.amount})`);
  }

  /** What the payment worker gave up. */
  @Consumer({ topic: 'orders-dlq' })
  async onRefused(order: Order, { headers }: MessageContext): Promise<void> {
    this.orders.mark(order.id, 'refused');
    console.log(`order ${order.id} refused: ${headers.get('x-error-message')}`);
  }
}
