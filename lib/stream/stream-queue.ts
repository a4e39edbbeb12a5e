import type { Delivery, Partition } from '../core/delivery.js';
import { Fifo } from '../core/fifo.js';

/** A delivery that waits to be handed out. */
export interface Waiting {
  readonly delivery: Delivery;
  readonly attempt: number;
}

/** Chooses deliveries. */
export type Which = (delivery: Delivery) => boolean;

export function inOneOf(partitions: readonly Partition[]): Which {
  return ({ partition }) => partitions.includes(partition);
}

export function oneOf(deliveries: readonly Delivery[]): Which {
  const chosen = new Set(deliveries);
  return (delivery) => chosen.has(delivery);
}

/** What a stream has got and not handed out, and what it has handed out and not heard of. */
export class StreamQueue {
  private ready = new Fifo<Waiting>();
  private again = new Fifo<Waiting>();
  private readonly delayed = new Map<Waiting, () => void>();
  private readonly out = new Map<Delivery, Waiting>();

  get waiting(): number {
    return this.ready.length + this.again.length;
  }

  get handedOut(): number {
    return this.out.size;
  }

  push(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.ready.push({ delivery, attempt: 1 });
  }

  /** What was given back goes before what is new. */
  take(): Waiting | undefined {
    const next = this.again.shift() ?? this.ready.shift();
    if (next) this.out.set(next.delivery, next);
    return next;
  }

  /** The message as it was handed out; undefined when it is not out. */
  takeBack(delivery: Delivery): Waiting | undefined {
    const waiting = this.out.get(delivery);
    this.out.delete(delivery);
    return waiting;
  }

  /** Keeps it until `wait` says that its time has come. */
  delay({ delivery, attempt }: Waiting, wait: (due: () => void) => () => void): void {
    const next = { delivery, attempt: attempt + 1 };
    const cancel = wait(() => {
      if (this.delayed.delete(next)) this.again.push(next);
    });
    this.delayed.set(next, cancel);
  }

  /** Forgets these; returns what of them was not handed out. */
  dropIdle(which: Which): Delivery[] {
    const isTheirs = ({ delivery }: Waiting) => which(delivery);
    const waiting = [...this.again, ...this.ready];
    const late = [...this.delayed.keys()].filter(isTheirs);
    for (const one of late) {
      this.delayed.get(one)?.();
      this.delayed.delete(one);
    }
    this.again = filled([...this.again].filter((one) => !isTheirs(one)));
    this.ready = filled([...this.ready].filter((one) => !isTheirs(one)));
    return [...waiting.filter(isTheirs), ...late].map(({ delivery }) => delivery);
  }

  /** Forgets what is handed out of these, and returns it. */
  dropHandedOut(which: Which): Delivery[] {
    const theirs = [...this.out.keys()].filter(which);
    for (const delivery of theirs) this.out.delete(delivery);
    return theirs;
  }

  hasHandedOut(which: Which): boolean {
    return [...this.out.keys()].some(which);
  }
}

function filled<T>(items: readonly T[]): Fifo<T> {
  const fifo = new Fifo<T>();
  for (const item of items) fifo.push(item);
  return fifo;
}
