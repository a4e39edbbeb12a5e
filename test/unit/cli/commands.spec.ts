import { describe, expect, it } from 'vitest';
import { commands } from '../../../lib/cli/commands/commands.js';
import { MessagingCliModule } from '../../../lib/cli/messaging-cli.module.js';

describe('the commands', () => {
  it('have classes of different names, which is how nest-commander tells them apart', () => {
    const providers = Reflect.getMetadata('providers', MessagingCliModule) as (Function | object)[];
    const names = providers.flatMap((one) => (typeof one === 'function' ? [one.name] : []));
    expect(names).toContain('MessagingKafkaGroupSeekCommand');
    expect(names.length).toBeGreaterThan(commands.length);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(commands.map((command) => [command.name, command] as const))(
    '%s knows its options by their flags',
    (_name, { options }) => {
      for (const [name, { flags }] of Object.entries(options)) {
        const [, long = ''] = /--([a-z-]+)/.exec(flags) ?? [];
        expect(long.replace(/-([a-z])/g, (_all, letter: string) => letter.toUpperCase())).toBe(name);
      }
    },
  );

  it('use no short flag for two options of one command', () => {
    for (const { options } of commands) {
      const short = Object.values(options).flatMap(({ flags }) => /^-(\w),/.exec(flags)?.[1] ?? []);
      expect(new Set(short).size).toBe(short.length);
    }
  });
});
