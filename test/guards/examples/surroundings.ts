import type { AsyncLocalStorage } from 'node:async_hooks';
import type { INestMicroservice } from '@nestjs/common';
import type { HealthCheckService } from '@nestjs/terminus';
import type { ConsumerService, MessagingHealthIndicator, ProducerService, WorkerService } from 'nestjs-messaging';

/** What stands around the examples of the docs: the reader's own types, services and variables. */
declare global {
  class Order {
    id: number;
    amount: number;
  }
  class UserEvent {
    userId: number;
    action: string;
  }
  class AppModule {}
  interface Payment {
    readonly orderId: number;
    readonly amount: number;
  }
  class Task {
    readonly id: number;
  }
  interface Result {
    readonly done: boolean;
  }
  type Job = Task;
  type Invoice = Task;
  type Row = Task;

  class BillingService {
    charge(order: Order, options?: { readonly signal: AbortSignal }): Promise<void>;
  }
  class Database {
    insert(rows: readonly unknown[]): Promise<void>;
  }

  class Surroundings {
    readonly billing: BillingService;
    readonly db: Database;
    readonly queue: unknown[];
    readonly health: HealthCheckService;
    readonly messaging: MessagingHealthIndicator;
    readonly producer: ProducerService;
    readonly eu: ProducerService;
    readonly workers: WorkerService;
  }

  function run(task: Task): Promise<Result>;
  function alert(text: string): void;
  const producer: ProducerService;
  const consumers: ConsumerService;
  const messages: { readonly userId: number }[];
  const message: { readonly userId: number };
  const event: UserEvent;
  const task: Task;
  const payment: Payment;
  const a: Payment;
  const b: Payment;
  const file: { write(value: unknown): Promise<void> };
  const app: INestMicroservice;
  const traces: AsyncLocalStorage<string | undefined>;
  const histogram: { record(value: number, labels: object): void };
}
