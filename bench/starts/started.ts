import type { Round } from '../protocol.js';

/** What this app is to do. */
export const round = JSON.parse(process.argv[2] ?? '{}') as Round;

/** Tells that the app is up, with what that took. */
export function started(): void {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMicros: user + system, peakRssBytes: process.resourceUsage().maxRSS * 1024 });
}
