// The first example of docs/topics.md, compiled; a guard compares the two.
import { EventTopic, type MessageOf } from 'nestjs-messaging';
import { AvroField, AvroModel } from 'nestjs-messaging/avro';
import { IsInt, MaxLength } from 'class-validator';

@AvroModel({ namespace: 'com.example.users' })
export class UserEvent {
  @IsInt() userId!: number;
  @AvroField() @MaxLength(20) action!: string;
  @AvroField({ nullable: true }) at?: Date;
}

export class UserEvents extends EventTopic {
  static readonly topicName = 'user-events';
  static readonly schema = UserEvent;
  static override readonly partitions = 3;
  static override readonly format = 'avro';
}

export type AnyUserEvent = MessageOf<typeof UserEvents>;
