import { UnknownGroupError, UnknownTopicError } from '../../core/errors.js';
import type { Driver } from '../../driver/driver.js';
import { didYouMean } from '../../options/suggest.js';
import { CommandError } from '../exit-code.js';

/** A name that the broker does not know, told with the nearest that it does, and the command that makes or lists it. */
export async function withNearest(thrown: unknown, { brokerAdmin }: Driver, place: string): Promise<unknown> {
  if (thrown instanceof UnknownTopicError) {
    const near = didYouMean(thrown.topic ?? '', (await brokerAdmin?.listTopics()) ?? []);
    return new CommandError(
      `Topic \`${thrown.topic}\` does not exist${near ? `${near} Or create it` : '. Create it'}: messaging ${place} create-topic ${thrown.topic}`,
      { cause: thrown },
    );
  }
  if (thrown instanceof UnknownGroupError) {
    const near = didYouMean(thrown.groupId ?? '', (await brokerAdmin?.listGroups()) ?? []);
    return new CommandError(
      `Group \`${thrown.groupId}\` does not exist${near || '.'} Those that do: messaging ${place} groups`,
      { cause: thrown },
    );
  }
  return thrown;
}
