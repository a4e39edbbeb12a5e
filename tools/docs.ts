// Writes the pages that are made from the code; with --check it fails when one is out of date.
import './options-docs.js';
import './cli-docs.js';
import './backends-docs.js';
import './bench-docs.js';
