import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import picocolors from 'picocolors';
import { UsageError } from '../exit-code.js';
import { renderTable, type Column } from './table.js';

export type Colors = ReturnType<typeof picocolors.createColors>;

const NARROWEST = 40;

interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
}

/** Where a command writes: data on stdout, all else on stderr; colours and tables only as far as somebody looks. */
export class Terminal {
  readonly colors: Colors;
  /** What the process will end with. */
  exitCode = 0;

  constructor(private readonly streams: Streams = process) {
    const { stdout, env } = streams;
    // A pipe has no `isTTY` at all, and of `undefined` picocolors makes its own mind up: it colours wherever CI is set.
    const isLookedAt = stdout.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
    this.colors = picocolors.createColors(isLookedAt ? true : false);
    // A reader that has had enough (`| head`) is no fault; there is nobody left to write to.
    stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(this.exitCode);
    });
  }

  get input(): NodeJS.ReadStream {
    return this.streams.stdin;
  }

  get isInteractive(): boolean {
    return this.streams.stdin.isTTY && this.streams.stderr.isTTY;
  }

  /** Data. Resolves when there is room for more. */
  async print(line: string): Promise<void> {
    if (!this.streams.stdout.write(`${line}\n`)) await once(this.streams.stdout, 'drain');
  }

  async printJson(value: unknown): Promise<void> {
    await this.print(JSON.stringify(value));
  }

  /** What a person is told beside the data. */
  tell(line: string): void {
    this.streams.stderr.write(`${line}\n`);
  }

  /** One JSON object a row, or a table as wide as the terminal; through a pipe its cells are never cut. */
  async rows<Row extends object>(
    rows: readonly Row[],
    columns: readonly Column<Row>[],
    { json = false }: { readonly json?: boolean | undefined },
  ): Promise<void> {
    if (json) {
      for (const row of rows) await this.printJson(row);
      return;
    }
    const { isTTY, columns: width } = this.streams.stdout;
    await this.print(renderTable(rows, columns, isTTY ? Math.max(width, NARROWEST) : undefined, this.colors));
  }

  /** @throws UsageError where nobody can be asked, and `--yes` was not given. */
  async confirm(question: string, yes: boolean | undefined): Promise<boolean> {
    if (yes) return true;
    if (!this.isInteractive) throw new UsageError(`${question} Nobody can be asked here. Add --yes to do it.`);
    const { stdin: input, stderr: output } = this.streams;
    const lines = createInterface({ input, output });
    const answer = await lines.question(`${question} [y/N] `);
    lines.close();
    return /^y(es)?$/i.test(answer.trim());
  }

  /** A line that replaces itself; nothing where nobody looks. */
  progress(line: string): void {
    if (this.streams.stderr.isTTY) this.streams.stderr.write(`\r\u001B[K${line}`);
  }

  /** Ends with all that was written handed over. */
  async flush(): Promise<void> {
    const { stdout, stderr } = this.streams;
    await Promise.all([stdout, stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))));
  }
}
