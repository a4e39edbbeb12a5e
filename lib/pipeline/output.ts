import type { Attempt } from '../core/attempt.js';
import { allOf } from '../core/all-of.js';
import { sleep } from '../core/clock.js';
import { MessagingError } from '../core/errors.js';
import { TRACE_HEADERS } from '../core/header-names.js';
import { toHeaderList, type HeaderList } from '../core/headers.js';
import type { OutgoingRecord } from '../core/message.js';
import type { Serializer } from '../serialization/serializer.js';
import { topicNameOf, type TopicRef } from '../topic/topic.js';
import { NonRetryableError } from './errors.js';
import type { OutputMessage } from './handler-outcome.js';
import type { PipelineOptions } from './pipeline-options.js';

/** How long an output waits before a registry that did not answer is asked again, in ms. */
const PATIENCE_MS = 2_000;

/** How outputs become bytes, topic by topic. */
export interface OutputFormats {
  of(topic: TopicRef): Serializer;
  keyOf(key: unknown, topic: TopicRef): Buffer | null | Promise<Buffer>;
}

/** The results of a handler as records; a promise where one of them has to be validated, or its schema looked up. */
export function toOutputs(
  messages: readonly OutputMessage[],
  attempt: Attempt,
  options: PipelineOptions,
): readonly OutgoingRecord[] | Promise<readonly OutgoingRecord[]> {
  const encode = () => allOf(messages.map((message) => toOutput(message, attempt, options)));
  const records = encode();
  return records instanceof Promise ? patiently(records, encode, attempt, options) : records;
}

/** A result as a record: with the input's key, so that order per key goes on, and its trace. */
function toOutput(
  output: OutputMessage,
  { delivery }: Attempt,
  { outputTopic, outputs }: PipelineOptions,
): OutgoingRecord | Promise<OutgoingRecord> {
  const ref = output.topic ?? outputTopic;
  if (ref === undefined)
    throw new NonRetryableError('An output names no topic, and the handler has no `outputTopic`. Name one of them.');
  const topic = topicNameOf(ref);
  const headers = [...traceHeaders(delivery.headers), ...toHeaderList(output.headers)];
  const key = output.key === undefined ? delivery.key : outputs.keyOf(output.key, ref);
  const value = output.message === null ? null : outputs.of(ref).serialize(output.message, topic);
  if (!(value instanceof Promise) && !(key instanceof Promise)) return { topic, key, value, headers };
  return Promise.all([key, value]).then(([keyBytes, bytes]) => ({ topic, key: keyBytes, value: bytes, headers }));
}

/** A registry that is down is no failure of the handler, which must not run again for it: the encoding alone is repeated. */
async function patiently<Encoded>(
  first: Promise<Encoded>,
  again: () => Encoded | Promise<Encoded>,
  attempt: Attempt,
  { clock, report }: PipelineOptions,
): Promise<Encoded> {
  for (let encoding: Encoded | Promise<Encoded> = first; ; encoding = again()) {
    try {
      return await encoding;
    } catch (error) {
      if (!(error instanceof MessagingError && error.pausesPartition) || attempt.signal.aborted) throw error;
      report.held(attempt, error);
      await sleep(clock, PATIENCE_MS, attempt.signal);
    }
  }
}

function traceHeaders(headers: HeaderList): HeaderList {
  return headers.length === 0 ? headers : headers.filter(([name]) => TRACE_HEADERS.includes(name));
}
