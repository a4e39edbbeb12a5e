import { AuthorizationError } from '../core/errors.js';
import type { TopicAdmin, TopicDescription, TopicSettings, TopicSpec } from '../driver/driver.js';

/** One thing that a topic is not as its class says. */
export interface TopicDifference {
  readonly setting: 'partitions' | 'retentionMs' | 'cleanupPolicy';
  readonly found: number | string;
  readonly declared: number | string;
}

/** An existing topic that is not what its class says; it is never altered. */
export interface TopicDrift {
  readonly topic: string;
  readonly differences: readonly TopicDifference[];
}

/** Where topics that exist differ from what their classes declare. What a class leaves out, and what the broker does not tell, differs in nothing. */
export async function topicDrift(
  admin: TopicAdmin,
  specs: ReadonlyMap<string, TopicSpec>,
  found: readonly TopicDescription[],
): Promise<readonly TopicDrift[]> {
  const declared = found.filter(({ topic }) => isDeclared(specs.get(topic)));
  const settings = declared.length === 0 ? [] : await settingsOf(admin, declared);
  const byTopic = new Map(settings.map((one) => [one.topic, one]));
  return declared
    .map((one) => ({ topic: one.topic, differences: differencesOf(specs.get(one.topic), one, byTopic.get(one.topic)) }))
    .filter(({ differences }) => differences.length > 0);
}

/** The drift as a plan: one line a topic, with what would have to be done. */
export function planOf({ topic, differences }: TopicDrift): string {
  const steps = differences.map(
    ({ setting, found, declared }) => `${setting} ${found} → ${declared}${hintOf(setting, found, declared)}`,
  );
  return `Topic \`${topic}\` is not as its class says: ${steps.join('; ')}. Nothing was changed: alter the topic, or the class.`;
}

function differencesOf(
  spec: TopicSpec | undefined,
  { partitions }: TopicDescription,
  settings: TopicSettings | undefined,
): TopicDifference[] {
  const pairs = [
    { setting: 'partitions', found: partitions, declared: spec?.partitions },
    { setting: 'retentionMs', found: settings?.retentionMs, declared: spec?.retentionMs },
    { setting: 'cleanupPolicy', found: settings?.cleanupPolicy, declared: spec?.cleanupPolicy },
  ] as const;
  return pairs.flatMap(({ setting, found, declared }) =>
    found === undefined || declared === undefined || sameSetting(found, declared) ? [] : [{ setting, found, declared }],
  );
}

/** `delete,compact` is `compact,delete`. */
function sameSetting(found: number | string, declared: number | string): boolean {
  return String(found).split(',').toSorted().join() === String(declared).split(',').toSorted().join();
}

function hintOf(setting: TopicDifference['setting'], found: number | string, declared: number | string): string {
  if (setting !== 'partitions') return '';
  return Number(declared) < Number(found)
    ? ' (partitions cannot be taken away; that needs another topic)'
    : ' (more partitions send keys elsewhere: their order begins anew)';
}

function isDeclared(spec: TopicSpec | undefined): spec is TopicSpec {
  return [spec?.partitions, spec?.retentionMs, spec?.cleanupPolicy].some((value) => value !== undefined);
}

/** A service that may not look at settings still starts; only its partitions are compared. */
async function settingsOf(admin: TopicAdmin, found: readonly TopicDescription[]): Promise<readonly TopicSettings[]> {
  try {
    return (await admin.settings?.(found.map(({ topic }) => topic))) ?? [];
  } catch (error) {
    if (error instanceof AuthorizationError) return [];
    throw error;
  }
}
