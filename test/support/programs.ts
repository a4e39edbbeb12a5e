import { spawnSync } from 'node:child_process';

/** Whether a program is here. Where `CI` is set its absence is an error. */
export function hasProgram(command: string, hint: string): boolean {
  if (spawnSync(command, ['-V'], { stdio: 'ignore' }).error === undefined) return true;
  if (process.env['CI']) throw new Error(`${command} is missing: ${hint}`);
  console.warn(`tests with ${command} are skipped: ${hint}`);
  return false;
}

/** Whether Debian's Python has these modules. Where `CI` is set their absence is an error. */
export function hasPython(modules: string, hint: string): boolean {
  if (spawnSync('/usr/bin/python3', ['-c', `import ${modules}`], { stdio: 'ignore' }).status === 0) return true;
  if (process.env['CI']) throw new Error(`Python lacks one of ${modules}: ${hint}`);
  console.warn(`tests with ${modules} are skipped: ${hint}`);
  return false;
}
