import { IsInt, IsOptional, IsString, IsUUID, Max, MaxLength } from 'class-validator';
import { AvroField, AvroModel } from '../../lib/avro/index.js';
import { EventTopic, StateTopic } from '../../lib/index.js';

const namespace = 'com.example';

export enum Color {
  Red = 'RED',
  Blue = 'BLUE',
}

@AvroModel({ namespace })
export class Line {
  @AvroField() sku!: string;
  @AvroField({ type: 'int' }) count!: number;
}

@AvroModel({ namespace })
export class Order {
  @IsInt() id!: number;
  @IsUUID() uuid!: string;
  @AvroField({ name: 'customer_id' }) customerId!: bigint;
  @AvroField({ items: () => Line }) lines!: Line[];
  @AvroField({ logicalType: 'decimal', precision: 12, scale: 2 }) total!: string;
  @AvroField() at!: Date;
  @AvroField({ enum: Color }) color!: Color;
  @AvroField({ values: 'string', default: {} }) labels?: Record<string, string>;
  @IsOptional() @IsString() @MaxLength(10) note?: string;
}

export const order = (id = 1): Order =>
  Object.assign(new Order(), {
    id,
    uuid: '123e4567-e89b-42d3-a456-426614174000',
    customerId: 9_007_199_254_740_993n,
    lines: [Object.assign(new Line(), { sku: 'a', count: 2 })],
    total: '12.34',
    at: new Date('2024-01-01T00:00:00.123Z'),
    color: Color.Blue,
    labels: { a: 'b' },
  });

/** Validated only: JSON. */
export class Signup {
  @IsString() name!: string;
  @IsInt() @Max(150) age!: number;
}

export class Signups extends EventTopic {
  static readonly topicName = 'signups';
  static readonly schema = Signup;
}

export class Orders extends EventTopic {
  static readonly topicName = 'orders';
  static readonly schema = Order;
  static override readonly format = 'avro';
}

export class Stock extends StateTopic {
  static readonly topicName = 'stock';
  static readonly schema = Line;
  static readonly keySchema = 'long';
  static override readonly format = 'avro';
}
