// Writes the table of bench/README.md and docs/benchmarks.svg from bench/baseline.json; with --check it fails when one is out of date.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { plotOf, summaryOf, tableOf, type Report } from '../bench/report.js';

const [START, END] = ['<!-- results: begin -->', '<!-- results: end -->'];

const report = JSON.parse(readFileSync('bench/baseline.json', 'utf8')) as Report;
const page = readFileSync('bench/README.md', 'utf8');
const [before = '', rest = ''] = page.split(START);
const [, after = ''] = rest.split(END);

const files = {
  'bench/README.md': `${before}${START}\n\n${summaryOf(report)}\n\n${tableOf(report)}\n\n${END}${after}`,
  'docs/benchmarks.svg': plotOf(report),
};

for (const [file, text] of Object.entries(files)) {
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    console.error(`${file} is out of date; run: npm run docs`);
    process.exitCode = 1;
  }
}
