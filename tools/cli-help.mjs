// Writes cli/help.json of the build (dist, or the folder named): the help texts, as the commands themselves make them, for `--help` to be
// at hand without loading them.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';

const folder = process.argv[2] ?? 'dist';
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const { helpTexts } = await import(pathToFileURL(resolve(folder, 'cli/help-texts.js')).href);
writeFileSync(`${folder}/cli/help.json`, `${JSON.stringify(await helpTexts(version), null, 1)}\n`);
chmodSync(`${folder}/cli/main.js`, 0o755);
