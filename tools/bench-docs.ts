// Writes the tables of bench/README.md and docs/benchmarks.svg from the baselines; with --check it fails when one is out of date.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { plotOf, summaryOf, tableOf, type Report } from '../bench/report.js';

const [START, END] = ['<!-- results: begin -->', '<!-- results: end -->'];

const [small, large] = ['baseline', 'baseline-1kb'].map(
  (name) => JSON.parse(readFileSync(`bench/${name}.json`, 'utf8')) as Report,
) as [Report, Report];
const page = readFileSync('bench/README.md', 'utf8');
const [before = '', rest = ''] = page.split(START);
const [, after = ''] = rest.split(END);

const files = {
  'bench/README.md': [`${before}${START}`, ...[small, large].flatMap(sectionOf), `${END}${after}`].join('\n\n'),
  'docs/benchmarks.svg': plotOf(small),
};

for (const [file, text] of Object.entries(files)) {
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    console.error(`${file} is out of date; run: npm run docs`);
    process.exitCode = 1;
  }
}

function sectionOf(report: Report): string[] {
  return [`### ${report.size} B`, summaryOf(report), tableOf(report)];
}
