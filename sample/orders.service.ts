import { Injectable } from '@nestjs/common';
import { ProducerService } from 'nestjs-messaging';
import type { Order } from './order.js';

type Status = 'placed' | 'paid' | 'refused';
type Placed = Order & { status: Status };

/** The shop's state; a real one has a database. */
@Injectable()
export class OrdersService {
  private readonly orders = new Map<number, Placed>();

  constructor(private readonly producer: ProducerService) {}

  async place(customer: string, amount: number): Promise<Placed> {
    const order: Order = { id: this.orders.size + 1, customer, amount };
    const placed: Placed = { ...order, status: 'placed' };
    this.orders.set(order.id, placed);
    await this.producer.send({ topic: 'orders', message: order, key: customer, headers: { source: 'shop' } });
    return placed;
  }

  find(id: number): Placed | undefined {
    return this.orders.get(id);
  }

  mark(id: number, status: Status): void {
    const order = this.orders.get(id);
    if (order) order.status = status;
  }
}
