import { custom, flag, integer, oneOf, text, type ResolvedOf } from './option.js';

/** A token, or a function that gets one for each request. */
export type TokenSource = string | (() => string | Promise<string>);

export const registryOptions = {
  /** The schema registry for Avro: a URL, or several with commas, asked in turn. A user and password may stand in them. */
  schemaRegistryUrl: text(),
  /** The user that the registry is asked as; with `schemaRegistryPassword`. */
  schemaRegistryUsername: text(),
  /** The password of `schemaRegistryUsername`; it never shows in a text. */
  schemaRegistryPassword: text({ secret: true }),
  /** A bearer token, or a function that gets one for each request. */
  schemaRegistryToken: { ...custom('a text or a function', isTokenSource), secret: true },
  /** A file with the certificates to trust (PEM); Node's own list without it. */
  schemaRegistryCafile: text(),
  /** A file with this client's certificate (PEM); it needs `schemaRegistryKeyfile`. */
  schemaRegistryCertfile: text(),
  /** A file with the key of `schemaRegistryCertfile` (PEM). */
  schemaRegistryKeyfile: text(),
  /** Longest that one request to the registry may take, in ms. */
  schemaRegistryTimeoutMs: integer({ min: 1, default: 3_000 }),
  /** Whether schemas are registered when they are first written; else they must be there. */
  schemaRegistryAutoRegister: flag({ default: true }),
  /** Whether the registry is asked to compare schemas by their meaning: order of attributes and spelling then make no other version. */
  schemaRegistryNormalize: flag({ default: false }),
  /** Whether a message is read as its topic class only where its schema is registered under that topic's subject; else it is given up. */
  schemaRegistryVerifySubject: flag({ default: false }),
  /** How a schema's subject is named: after the topic, after the record, or after both. */
  schemaRegistrySubjects: oneOf(['topic', 'record', 'topic-record'], { default: 'topic' }),
};

export type ResolvedRegistryOptions = ResolvedOf<typeof registryOptions>;

/** Values that no request could use. */
export function checkRegistryOptions(options: ResolvedRegistryOptions, path: string): string[] {
  const { schemaRegistryUrl: urls, schemaRegistryCertfile: cert, schemaRegistryKeyfile: key } = options;
  if (urls === undefined) return withoutEffect(options, path);
  const wrong = urls.split(',').filter((url) => !isHttpUrl(url));
  const login = options.schemaRegistryUsername !== undefined || options.schemaRegistryPassword !== undefined;
  return [
    ...wrong.map(
      () => `Expected \`${path}schemaRegistryUrl\` to be URLs of http or https, with commas between. Correct it.`,
    ),
    ...((cert === undefined) === (key === undefined)
      ? []
      : [
          `\`${path}schemaRegistryCertfile\` and \`${path}schemaRegistryKeyfile\` belong together. Set both, or neither.`,
        ]),
    ...(login && options.schemaRegistryToken !== undefined
      ? [`\`${path}schemaRegistryToken\` and a user with a password cannot be used together. Remove one.`]
      : []),
  ];
}

/** What says how a registry is asked, where none is named. */
function withoutEffect(options: ResolvedRegistryOptions, path: string): string[] {
  const names = (['Username', 'Password', 'Token', 'Cafile', 'Certfile', 'Keyfile'] as const).map(
    (name) => `schemaRegistry${name}` as const,
  );
  return names
    .filter((name) => options[name] !== undefined)
    .map((name) => `\`${path}${name}\` has no effect without \`${path}schemaRegistryUrl\`. Set the URL, or remove it.`);
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text.trim()) && /^https?:$/.test(new URL(text.trim()).protocol);
}

function isTokenSource(value: unknown): value is TokenSource {
  return typeof value === 'function' || (typeof value === 'string' && value.length > 0);
}
