import { OversizedBatchError } from '../../core/oversized-batch.error.js';
import { BatchOversizedError } from './codecs/batch-oversized.error.js';

/** The parts of kafkajs' fetch that are used. */
export interface FetchRequest {
  /** How long the broker may wait for messages, in ms. */
  readonly maxWaitTime?: number;
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly AskedPartition[] }[];
}

interface AskedPartition {
  readonly partition: number;
  readonly fetchOffset: string;
  readonly maxBytes: number;
}

export interface FetchAnswer {
  responses: readonly { readonly topicName: string; readonly partitions: object[] }[];
}

type Fetch<Answer> = (request: FetchRequest) => Promise<Answer>;

export interface FetchBound {
  /** Largest batch, in bytes, decompressed. */
  readonly maxBytes: number;
  /** A batch was passed over. */
  readonly onOversized: (error: OversizedBatchError) => void;
}

/**
 * One batch that is too large makes kafkajs reject the whole answer, for ever. Each partition is then asked for its next batch alone, and
 * one that is too large is passed over: kafkajs gets a control record in its place, which nobody sees and which moves it on.
 */
export async function boundedFetch<Answer extends FetchAnswer>(
  fetch: Fetch<Answer>,
  request: FetchRequest,
  bound: FetchBound,
): Promise<Answer> {
  try {
    return await fetch(request);
  } catch (error) {
    if (!(error instanceof BatchOversizedError)) throw error;
    const singles = singleRequests(request);
    const answers: Answer[] = [];
    for (const single of singles) answers.push(await fetchOne(fetch, single, bound));
    return { ...(answers[0] as Answer), responses: answers.flatMap(({ responses }) => responses) };
  }
}

/** A byte is room for one batch: a broker always sends the first whole. None of them waits for news. */
function singleRequests(request: FetchRequest): FetchRequest[] {
  return request.topics.flatMap(({ topic, partitions }) =>
    partitions.map((one) => ({
      ...request,
      maxWaitTime: 1,
      topics: [{ topic, partitions: [{ ...one, maxBytes: 1 }] }],
    })),
  );
}

async function fetchOne<Answer extends FetchAnswer>(
  fetch: Fetch<Answer>,
  request: FetchRequest,
  { maxBytes, onOversized }: FetchBound,
): Promise<Answer> {
  try {
    return await fetch(request);
  } catch (error) {
    const asked = request.topics[0];
    const partition = asked?.partitions[0]?.partition;
    if (!(error instanceof BatchOversizedError) || !asked || partition === undefined) throw error;
    const { firstOffset, lastOffset } = error;
    const { topic } = asked;
    const option = 'maxDecompressedBytes';
    onOversized(new OversizedBatchError({ topic, partition, firstOffset, lastOffset, maxBytes, option }));
    const passed = { partition, errorCode: 0, highWatermark: String(lastOffset + 1n), abortedTransactions: [] };
    const messages = [{ offset: String(lastOffset), isControlRecord: true }];
    const responses = [{ topicName: topic, partitions: [{ ...passed, messages }] }];
    return { throttleTime: 0, errorCode: 0, sessionId: 0, responses } as unknown as Answer;
  }
}
