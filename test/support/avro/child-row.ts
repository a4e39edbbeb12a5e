/** A row that is run in a process of its own: some of them end a process that has no guard. */
export interface ChildRow {
  /** Its place in `test/traps.md`. */
  readonly id: string;
  readonly name: string;
  readonly run: () => unknown;
  /** The class of the error, or `none`. */
  readonly outcome: string;
  /** What the error says, or what was read, as JSON. */
  readonly text: string;
}

/** What the child tells of its row. */
export interface ChildResult {
  readonly outcome: string;
  readonly text: string;
  /** What the row cost, without the start of the process and whatever else the machine does. */
  readonly cpuMs: number;
}
