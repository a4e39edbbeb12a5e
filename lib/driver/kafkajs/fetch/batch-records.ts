import type { Delivery, Partition } from '../../../core/delivery.js';
import { NO_HEADERS, type HeaderList } from '../../../core/headers.js';
import type { RecordBatch } from './record-batch.js';
import type { Records } from './records.js';
import { WireReader } from '../wire/wire-reader.js';

const NO_BYTES = Buffer.alloc(0);

/** The records of a batch (KIP-98). */
export class BatchRecords implements Records {
  left: number;
  private readonly reader: WireReader;

  /**
   * @param records those of the batch, decompressed
   * @throws RangeError when they are not what the batch says.
   */
  constructor(
    private readonly batch: RecordBatch,
    private readonly records: Buffer,
  ) {
    this.left = batch.count;
    this.reader = new WireReader(records);
    this.assertWhole();
  }

  get bytes(): number {
    return this.records.length;
  }

  read(partition: Partition): Delivery {
    const { batch, reader } = this;
    const end = reader.varint() + reader.at;
    reader.skip(1); // attributes: none is in use
    const timestamp = batch.firstTimestamp + reader.varlong();
    const offset = String(batch.firstOffset + reader.varint());
    const key = reader.varbytes();
    const value = reader.varbytes();
    const headers = this.headers(end);
    reader.at = end;
    this.left--;
    return {
      partition,
      offset,
      key: key?.length ? key : null,
      value,
      headers,
      timestamp: batch.appendTime ?? timestamp,
      deliveries: 1,
    };
  }

  skipTo(offset: number): void {
    const { batch, reader } = this;
    if (batch.firstOffset >= offset) return;
    while (this.left > 0) {
      const start = reader.at;
      const end = reader.varint() + reader.at;
      reader.skip(1);
      reader.varlong();
      const isReached = batch.firstOffset + reader.varint() >= offset;
      reader.at = isReached ? start : end;
      if (isReached) return;
      this.left--;
    }
  }

  private headers(end: number): HeaderList {
    const { reader } = this;
    const count = reader.varint();
    if (count <= 0) return NO_HEADERS;
    const headers: (readonly [string, Buffer])[] = [];
    for (let n = 0; n < count && reader.at < end; n++)
      headers.push([reader.varbytes()?.toString('utf8') ?? '', reader.varbytes() ?? NO_BYTES]);
    return headers;
  }

  /** From one record to the next: their lengths have to lead to the end. */
  private assertWhole(): void {
    const { batch, records } = this;
    const walker = new WireReader(records);
    let length = 1;
    for (let n = 0; n < batch.count && walker.left >= 0 && length > 0; n++) walker.skip((length = walker.varint()));
    if (walker.left !== 0 || length <= 0)
      throw new RangeError(`${batch.count} records take ${walker.at} bytes of ${records.length}`);
  }
}
