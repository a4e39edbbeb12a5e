// Writes docs/cli/: a page for each command, from its declaration; with --check it fails when one is out of date.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { CliCommand } from '../lib/cli/command/command.js';
import { commands } from '../lib/cli/commands/commands.js';

const FOLDER = 'docs/cli';
/** Written by hand. */
const OWN = ['README.md'];

const pages = new Map(commands.map((command) => [`${pageOf(command)}.md`, page(command)]));
pages.set('commands.md', overview());

if (process.argv.includes('--check')) check();
else write();

function write(): void {
  mkdirSync(FOLDER, { recursive: true });
  for (const file of strangers()) rmSync(`${FOLDER}/${file}`);
  for (const [file, text] of pages) writeFileSync(`${FOLDER}/${file}`, text);
}

function check(): void {
  const stale = [...pages].filter(([file, text]) => read(file) !== text).map(([file]) => file);
  for (const file of [...stale, ...strangers()]) {
    console.error(`${FOLDER}/${file} is out of date; run: npm run docs`);
    process.exitCode = 1;
  }
}

function read(file: string): string {
  try {
    return readFileSync(`${FOLDER}/${file}`, 'utf8');
  } catch {
    return ''; // not written yet
  }
}

/** Pages of commands that are no more. */
function strangers(): string[] {
  return readdirSync(FOLDER).filter((file) => !pages.has(file) && !OWN.includes(file));
}

function overview(): string {
  const rows = commands.map((command) => {
    const link = `[${command.name}](${pageOf(command)}.md)`;
    return `| ${link} | ${command.places.map((place) => `\`messaging ${place}\``.replace(' `', '`')).join(', ')} | ${command.summary} |`;
  });
  return `# Commands\n\nWritten by \`npm run docs\` from the commands. How they behave is in [README.md](README.md).\n\n| command | under | what it does |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
}

function page(command: CliCommand): string {
  const { name, places, summary, details, args, options, examples } = command;
  const usage = places.map((place) =>
    ['messaging', place, name, '[options]', args].filter((word) => word !== '').join(' '),
  );
  const rows = Object.values(options).map(
    ({ flags, description }) => `| ${cell(`\`${flags}\``)} | ${cell(description)} |`,
  );
  const place = places.includes('kafka') ? 'kafka' : '';
  const shown = examples.map((one) => ['messaging', place, one].filter((word) => word !== '').join(' '));
  const parts = [
    `# ${name}`,
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    fenced('text', usage),
    ...(details === undefined ? [] : [details]),
    ...(rows.length === 0 ? [] : [`| option | meaning |\n| --- | --- |\n${rows.join('\n')}`]),
    fenced('bash', shown),
  ];
  return `${parts.join('\n\n')}\n`;
}

function pageOf({ name }: CliCommand): string {
  return name.replaceAll(' ', '-');
}

function fenced(language: string, lines: readonly string[]): string {
  return `\`\`\`${language}\n${lines.join('\n')}\n\`\`\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
