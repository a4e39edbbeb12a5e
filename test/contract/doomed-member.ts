import { systemClock } from '../../lib/core/clock.js';
import { driverFactory } from '../../lib/driver/driver.factory.js';
import { resolveMessagingOptions, type MessagingOptions } from '../../lib/options/messaging.options.js';
import { TestLog } from '../support/test-log.js';
import { TestMember } from './test-member.js';

const { OPTIONS = '{}', TOPIC = '', GROUP = '' } = process.env;

/** A member in a process of its own, whose handlers never end: it is there to be killed. */
const { connections, broker: connection } = resolveMessagingOptions(JSON.parse(OPTIONS) as MessagingOptions, {});
const settings = connections.get(connection);
if (!settings) throw new Error(`there is no connection ${connection}`);
const log = new TestLog();
const driver = await driverFactory.create(settings, { connection, clock: systemClock, log, onStatus: () => {} });
await driver.connect();
TestMember.join(driver, {
  topics: [TOPIC],
  groupId: GROUP,
  handle({ value }) {
    console.log(`has ${String(value)}`);
    return new Promise(() => {});
  },
});
