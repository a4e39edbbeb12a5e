import { type MessageContext, NonRetryableError, Worker, WorkerHost } from 'nestjs-messaging';
import type { Order, Payment } from './order.js';

/** Takes the money: the orders of one customer one after the other, of different customers at once. */
@Worker({ topic: 'orders', outputTopic: 'payments', groupId: 'payments', concurrency: 4, initialDelayMs: 100 })
export class PaymentWorker extends WorkerHost<Order, Payment> {
  async process(order: Order, { attempt }: MessageContext): Promise<Payment> {
    if (order.amount <= 0) throw new NonRetryableError(`an amount of ${order.amount} cannot be paid`); // a dead letter at once
    if (order.amount > 1_000 && attempt === 1) throw new Error('the bank is busy'); // the next attempt succeeds
    return { orderId: order.id, amount: order.amount };
  }

  override onRetry(order: Order, error: Error): void {
    console.log(`order ${order.id} is tried again: ${error.message}`);
  }
}
