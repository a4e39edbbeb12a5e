import type { Round } from '../protocol.js';

/** What this app is to do. */
export const round = JSON.parse(process.argv[2] ?? '{}') as Round;

const steps: Record<string, number> = {};

/** A step of the start is done: when, in ms from the beginning of this process. */
export function done(step: 'imports' | 'modules' | 'listening'): void {
  steps[step] = performance.now();
}

/** Tells that the app is up, with what that took. */
export function started(): void {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMicros: user + system, peakRssBytes: process.resourceUsage().maxRSS * 1024, steps });
}
