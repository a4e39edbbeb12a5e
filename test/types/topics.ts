// Compiled, never run: each `@ts-expect-error` is a promise that the compiler refuses the line below it.
import {
  type BatchContext,
  CommandTopic,
  Consumer,
  EventTopic,
  type KeyOf,
  type MessageContext,
  type MessageOf,
  Producer,
  type ProducerService,
  StateTopic,
  Worker,
  WorkerHost,
} from 'nestjs-messaging';

class UserEvent {
  userId!: number;
  action!: string;
}
class Result {
  ok!: boolean;
}
class Balance {
  cents!: number;
}
class AccountKey {
  account!: string;
}

class UserEvents extends EventTopic {
  static readonly topicName = 'user-events';
  static readonly schema = UserEvent;
  static override readonly partitions = 3;
}
class Results extends CommandTopic {
  static readonly topicName = 'results';
  static readonly schema = Result;
}
class Balances extends StateTopic {
  static readonly topicName = 'balances';
  static readonly schema = Balance;
  static readonly keySchema = AccountKey;
}
class Counts extends EventTopic {
  static readonly topicName = 'counts';
  static readonly keySchema = 'long';
}
class Bytes extends EventTopic {
  static readonly topicName = 'bytes';
  static readonly keySchema = 'bytes';
}
class Untyped extends EventTopic {
  static readonly topicName = 'untyped';
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
export const facts: [
  Equal<MessageOf<typeof UserEvents>, UserEvent>,
  Equal<MessageOf<typeof Untyped>, unknown>,
  Equal<KeyOf<typeof Balances>, AccountKey>,
  Equal<KeyOf<typeof Counts>, number>,
] = [true, true, true, true];

const event = { userId: 1, action: 'login' };

export async function sends(producer: ProducerService): Promise<void> {
  await producer.send({ topic: UserEvents, message: event, key: 'user-1' });
  await producer.send({ topic: UserEvents, message: null });
  await producer.send({ topic: 'user-events', message: { anything: true }, key: Buffer.from('k') });
  await producer.send({ topic: Untyped, message: { anything: true } });
  await producer.send({ topic: Balances, message: { cents: 1 }, key: { account: 'a' } });
  await producer.send({ topic: Counts, message: 1, key: 7 });
  await producer.sendAvro({ topic: UserEvents, message: event, schema: 'string' });
  await producer.sendBatch({ topic: UserEvents, messages: [event], key: ({ userId }) => String(userId) });
  await producer.sendBatch({ topic: 'events', messages: [event], key: ({ userId }) => String(userId) });
  producer.sendFireAndForget({ topic: UserEvents, message: event });

  // @ts-expect-error a field of another type
  await producer.send({ topic: UserEvents, message: { userId: '1', action: 'login' } });
  // @ts-expect-error a field is missing
  await producer.send({ topic: UserEvents, message: { userId: 1 } });
  // @ts-expect-error a field that the payload has not
  await producer.send({ topic: UserEvents, message: { userId: 1, action: 'login', extra: true } });
  // @ts-expect-error a key of another type
  await producer.send({ topic: UserEvents, message: event, key: 7 });
  // @ts-expect-error a key of another class
  await producer.send({ topic: Balances, message: { cents: 1 }, key: 'a' });
  // @ts-expect-error a state without a key
  await producer.send({ topic: Balances, message: { cents: 1 } });
  // @ts-expect-error one message of another type
  await producer.sendBatch({ topic: UserEvents, messages: [event, { userId: 'x', action: 'y' }] });
  // @ts-expect-error a payload of another type
  producer.sendFireAndForget({ topic: UserEvents, message: { ok: true } });
  // @ts-expect-error a payload of another type
  await producer.sendAvro({ topic: UserEvents, message: { ok: true } });
}

export class Handlers {
  @Consumer({ topic: UserEvents })
  async right(_event: MessageOf<typeof UserEvents>, _context: MessageContext): Promise<void> {}

  @Consumer({ topic: UserEvents })
  async part(_event: { readonly userId: number }): Promise<void> {}

  @Consumer({ topic: UserEvents, batchSize: 10 })
  async batch(_events: readonly UserEvent[]): Promise<void> {}

  @Consumer({ topic: UserEvents })
  async elsewhere(_key: string, _event: UserEvent): Promise<void> {}

  @Consumer({ topic: UserEvents })
  async nothing(): Promise<void> {}

  @Consumer({ topic: 'user-events' })
  async byName(_result: Result): Promise<void> {}

  // @ts-expect-error a payload of another topic
  @Consumer({ topic: UserEvents })
  async wrong(_result: Result): Promise<void> {}

  // @ts-expect-error a batch of another topic
  @Consumer({ topic: UserEvents, batchSize: 10 })
  async wrongBatch(_results: readonly Result[]): Promise<void> {}

  @Consumer({ topic: UserEvents })
  async textKey(_event: UserEvent, _context: MessageContext): Promise<void> {}

  @Consumer({ topic: Balances })
  async classKey(_balance: Balance, _context: MessageContext<AccountKey>): Promise<void> {}

  @Consumer({ topic: Counts, batchSize: 10 })
  async numberKeys(_counts: unknown[], _context: BatchContext<number>): Promise<void> {}

  @Consumer({ topic: Bytes })
  async anyKey(_message: unknown, _context: MessageContext<Buffer>): Promise<void> {}

  @Consumer({ topic: 'balances' })
  async keyByName(_balance: Balance, _context: MessageContext<AccountKey>): Promise<void> {}

  // @ts-expect-error a key of another class
  @Consumer({ topic: Balances })
  async wrongKey(_balance: Balance, _context: MessageContext<UserEvent>): Promise<void> {}

  // @ts-expect-error a key that is text elsewhere
  @Consumer({ topic: Balances })
  async plainKey(_balance: Balance, _context: MessageContext): Promise<void> {}

  // @ts-expect-error a key that is a number elsewhere
  @Consumer({ topic: UserEvents })
  async numberKey(_event: UserEvent, _context: MessageContext<number>): Promise<void> {}

  // @ts-expect-error keys of another type, of a batch
  @Consumer({ topic: Counts, batchSize: 10 })
  async wrongKeys(_counts: unknown[], _context: BatchContext): Promise<void> {}

  @Worker({ topic: UserEvents, outputTopic: Results })
  async work(_event: UserEvent): Promise<Result | undefined> {
    return { ok: true };
  }

  // @ts-expect-error a payload of another topic
  @Worker({ topic: UserEvents, outputTopic: Results })
  async wrongPayload(_event: Balance): Promise<Result> {
    return { ok: true };
  }

  // @ts-expect-error a key of another topic
  @Worker({ topic: Balances, outputTopic: Results })
  async wrongWorkerKey(_balance: Balance, _context: MessageContext<number>): Promise<Result> {
    return { ok: true };
  }

  // @ts-expect-error a result of another topic
  @Worker({ topic: UserEvents, outputTopic: Results })
  async wrongResult(_event: UserEvent): Promise<Balance> {
    return { cents: 1 };
  }

  @Producer({ topic: UserEvents, key: ({ userId }) => String(userId) })
  async publish(): Promise<UserEvent> {
    return event;
  }

  @Producer({ topic: Balances, key: () => ({ account: 'a' }) })
  async publishKey(): Promise<Balance> {
    return { cents: 1 };
  }

  // @ts-expect-error a result of another topic
  @Producer({ topic: UserEvents })
  async publishWrong(): Promise<Balance> {
    return { cents: 1 };
  }

  // @ts-expect-error a key of another type
  @Producer({ topic: UserEvents, key: () => 7 })
  async publishWrongKey(): Promise<UserEvent> {
    return event;
  }

  // @ts-expect-error a key of another class
  @Producer({ topic: Balances, key: () => 'a' })
  async publishTextKey(): Promise<Balance> {
    return { cents: 1 };
  }

  // @ts-expect-error a state without a key
  @Producer({ topic: Balances })
  async publishWithoutKey(): Promise<Balance> {
    return { cents: 1 };
  }
}

@Worker({ topic: UserEvents, outputTopic: Results })
export class RightHost extends WorkerHost<UserEvent, Result> {
  override async process(): Promise<Result> {
    return { ok: true };
  }
}

@Worker({ topic: 'user-events' })
export class HostByName extends WorkerHost<Balance, Result> {
  override async process(): Promise<Result> {
    return { ok: true };
  }
}

@Worker({ topic: Balances })
export class KeyHost extends WorkerHost<Balance, void, AccountKey> {
  override async process() {}
}

// @ts-expect-error a host of another key
@Worker({ topic: Balances })
export class WrongKeyHost extends WorkerHost<Balance, void, number> {
  override async process() {}
}

// @ts-expect-error a host of keys that are text
@Worker({ topic: Counts })
export class TextKeyHost extends WorkerHost<unknown, void> {
  override async process() {}
}

// @ts-expect-error a host of another payload
@Worker({ topic: UserEvents, outputTopic: Results })
export class WrongHost extends WorkerHost<Balance, Result> {
  override async process(): Promise<Result> {
    return { ok: true };
  }
}

// @ts-expect-error a host of another result
@Worker({ topic: UserEvents, outputTopic: Results })
export class WrongResultHost extends WorkerHost<UserEvent, Balance> {
  override async process(): Promise<Balance> {
    return { cents: 1 };
  }
}

// @ts-expect-error a class that is no host
@Worker({ topic: UserEvents })
export class NoHost {}

export class ExactlyOnce {
  @Worker({ topic: UserEvents, outputTopic: Results, exactlyOnce: true, transactionIntervalMs: 50 })
  async once(_event: UserEvent): Promise<Result> {
    return { ok: true };
  }

  // @ts-expect-error a flag
  @Worker({ topic: UserEvents, outputTopic: Results, exactlyOnce: 'yes' })
  async said(_event: UserEvent): Promise<Result> {
    return { ok: true };
  }

  // @ts-expect-error a consumer writes no results
  @Consumer({ topic: UserEvents, exactlyOnce: true })
  async read(_event: UserEvent): Promise<void> {}
}
