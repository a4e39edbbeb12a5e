import { flag, text } from './readers.js';

export const json = flag('--json', 'print JSON, one object a line, for programs');
export const yes = flag('-y, --yes', 'do not ask; needed where nobody can be asked');

/** Of every command that speaks to a broker. */
export const brokerOptions = {
  bootstrapServers: {
    ...text(
      '-b, --bootstrap-servers <hosts>',
      'brokers to ask first, `host:port` with commas; else KAFKA_BOOTSTRAP_SERVERS, else localhost:9092',
    ),
    place: 'kafka',
  },
  url: { ...text('-u, --url <url>', 'the server; else REDIS_URL, else redis://localhost:6379/0'), place: 'redis' },
  app: text('--app <file>', "take the connection from this app's options, as dist/app.module.js"),
  connection: text('--connection <name>', "the app's connection of that name"),
} as const;

/** Of every command that looks into the app. */
export const appOptions = {
  app: text('--app <file>', 'the compiled root module; found through nest-cli.json and package.json without it'),
} as const;
