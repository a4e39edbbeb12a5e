import type { ChildRow } from './child-row.js';
import { HOSTILE, WITHOUT_GUARD } from './hostile.js';
import { SILENT_LOSSES } from './silent-losses.js';

/** Every row that a child may be asked for. */
export const rows: readonly ChildRow[] = [...HOSTILE, ...SILENT_LOSSES, WITHOUT_GUARD];
