import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import picocolors from 'picocolors';
import { EXIT, UsageError } from '../exit-code.js';
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
  /** Of data. */
  readonly colors: Colors;
  /** Aborted when nobody reads the data any more (`| head`), which is no fault. */
  readonly readerGone: AbortSignal;
  /** What the process will end with. */
  exitCode: number = EXIT.done;

  private hasProgress = false;

  constructor(private readonly streams: Streams = process) {
    this.colors = picocolors.createColors(this.isColored('stdout'));
    const gone = new AbortController();
    this.readerGone = gone.signal;
    for (const stream of [streams.stdout, streams.stderr])
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
        gone.abort();
      });
  }

  get input(): NodeJS.ReadStream {
    return this.streams.stdin;
  }

  get isInteractive(): boolean {
    return this.streams.stdin.isTTY && this.streams.stderr.isTTY;
  }

  /** A pipe has no `isTTY` at all, and of `undefined` picocolors makes its own mind up: it colours wherever CI is set. */
  isColored(stream: 'stdout' | 'stderr'): boolean {
    const { env } = this.streams;
    return this.streams[stream].isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb' ? true : false;
  }

  /** Data. Resolves when there is room for more. */
  async print(line: string): Promise<void> {
    if (this.readerGone.aborted) return;
    const hasRoom = this.streams.stdout.write(`${line}\n`);
    if (!hasRoom) await once(this.streams.stdout, 'drain').catch(() => {}); // the stream's own listener looks after it
  }

  async printJson(value: unknown): Promise<void> {
    await this.print(JSON.stringify(value));
  }

  /** What a person is told beside the data. */
  tell(line: string): void {
    this.progress('');
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

  /** Ctrl-D is a no, Ctrl-C too, with its exit code. @throws UsageError where nobody can be asked, and `--yes` was not given. */
  async confirm(question: string, yes: boolean | undefined): Promise<boolean> {
    if (yes) return true;
    if (!this.isInteractive) throw new UsageError(`${question} Nobody can be asked here. Add --yes to do it.`);
    const { stdin: input, stderr: output } = this.streams;
    const lines = createInterface({ input, output });
    const ended = new AbortController();
    lines.once('SIGINT', () => {
      this.exitCode = EXIT.interrupted;
      ended.abort();
    });
    const answer = await lines.question(`${question} [y/N] `, { signal: ended.signal }).catch(() => {
      this.tell(''); // the question was left without an answer, on an open line
      return '';
    });
    lines.close();
    return /^y(es)?$/i.test(answer.trim());
  }

  /** How wide a line of progress may be: one that wraps is more than the next can replace. */
  get progressWidth(): number {
    return (this.streams.stderr.columns || NARROWEST) - 1;
  }

  /** A line that replaces itself, and makes room for all that is told; nothing where nobody looks. */
  progress(line: string): void {
    if (!this.streams.stderr.isTTY || (line === '' && !this.hasProgress)) return;
    this.hasProgress = line !== '';
    this.streams.stderr.write(`\r\u001B[K${line.slice(0, this.progressWidth)}`);
  }

  /** Ends with all that was written handed over. */
  async flush(): Promise<void> {
    const { stdout, stderr } = this.streams;
    await Promise.all([stdout, stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))));
  }
}
