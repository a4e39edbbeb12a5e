const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `'500ms'`, `'30s'`, `'10m'`, `'2h'`, `'1d'`; a number is in ms. */
export type Duration = number | `${number}${keyof typeof UNITS}`;

/** @throws TypeError for what is no duration. */
export function toMs(duration: Duration): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(duration)) ?? [];
  const ms = typeof duration === 'number' ? duration : Number(count) * UNITS[unit as keyof typeof UNITS];
  if (ms >= 0) return ms;
  throw new TypeError(`Expected a duration like '500ms', '30s', '10m', '2h' or '1d', got \`${duration}\`.`);
}
