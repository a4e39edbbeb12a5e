import { Injectable, Module } from '@nestjs/common';
import { Consumer, EventTopic, MessagingModule, StateTopic, Worker } from 'nestjs-messaging';
import { AvroField, AvroModel } from 'nestjs-messaging/avro';

@AvroModel({ namespace: 'com.example' })
class Order {
  @AvroField() id!: string;
}

@AvroModel({ namespace: 'com.example' })
class Total {
  @AvroField({ type: 'int' }) cents!: number;
}

/** Read here, so not ours to register. */
class Orders extends EventTopic {
  static readonly topicName = 'orders';
  static readonly schema = Order;
  static override readonly format = 'avro';
}

/** Written by the worker. */
class Invoices extends EventTopic {
  static readonly topicName = 'invoices';
  static readonly schema = Order;
  static override readonly format = 'avro';
}

/** Declared, and read by no handler. */
class Totals extends StateTopic {
  static readonly topicName = 'totals';
  static readonly schema = Total;
  static readonly keySchema = 'long';
  static override readonly format = 'avro';
}

@Injectable()
class Billing {
  @Worker({ topic: Orders, outputTopic: Invoices })
  async bill(order: Order): Promise<Order> {
    return order;
  }

  @Consumer({ topic: 'plain' })
  async onPlain() {}
}

@Module({
  imports: [
    MessagingModule.forRoot({
      groupId: 'billing',
      kafka: { schemaRegistryUrl: process.env['REGISTRY'], schemaRegistryAutoRegister: false },
    }),
    MessagingModule.forFeature([Orders, Totals]),
  ],
  providers: [Billing],
})
export class AppModule {}
