import type { Log } from '../../lib/core/log.js';

/** Keeps what was logged, by level. */
export class TestLog implements Log {
  readonly lines: { readonly level: keyof Log; readonly text: string }[] = [];
  debug = (text: string) => void this.lines.push({ level: 'debug', text });
  log = (text: string) => void this.lines.push({ level: 'log', text });
  warn = (text: string) => void this.lines.push({ level: 'warn', text });
  error = (text: string) => void this.lines.push({ level: 'error', text });

  texts(level: keyof Log): string[] {
    return this.lines.filter((line) => line.level === level).map(({ text }) => text);
  }
}
