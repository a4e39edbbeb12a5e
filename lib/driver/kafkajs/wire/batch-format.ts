/** Of a batch of records as it lies in the log since Kafka 0.11 (KIP-98). */
export const BATCH = {
  /** Bytes before those that a batch counts, and before its records. */
  prefixBytes: 12,
  headerBytes: 61,
  magicAt: 16,
  /** The format's number. */
  magic: 2,
  /** Beside the number of the codec. */
  flags: { appendTime: 0x08, transactional: 0x10, control: 0x20 },
} as const;
