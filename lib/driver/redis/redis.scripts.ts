import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A script that the server runs as one step. Its keys are all in `KEYS`. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

export type Argument = string | Buffer | number;

/** ioredis has these, and no types for them. */
interface ScriptClient {
  evalshaBuffer(sha: string, keyCount: number, ...rest: readonly Argument[]): Promise<unknown>;
  evalBuffer(lua: string, keyCount: number, ...rest: readonly Argument[]): Promise<unknown>;
}

export function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/**
 * The answer's texts are Buffers. A server that has restarted, or whose scripts were flushed, gets the source again.
 */
export async function runScript(
  client: Redis,
  { lua, sha }: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  const scripts = client as unknown as ScriptClient;
  try {
    return await scripts.evalshaBuffer(sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
    return scripts.evalBuffer(lua, keys.length, ...keys, ...args);
  }
}

/**
 * Sends a short script with its source, and answers texts. For what must not be passed by a later command: when a server has lost its
 * scripts, `runScript` sends the source once it knows, which is later.
 */
export function evaluate(
  client: Redis,
  { lua }: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  return client.call('EVAL', [lua, keys.length, ...keys, ...args]);
}
