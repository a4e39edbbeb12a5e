import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokerAddress } from '../support/brokers/with-broker.js';
import { PASSWORD, SecureKafka } from '../support/brokers/secure-kafka.js';
import { Project } from './project.js';

const WRONG = 'wrong-5a0d-secret';

describe.runIf(brokerAddress('kafka') !== undefined)('messaging kafka with a login', () => {
  let kafka: SecureKafka;
  let project: Project;
  beforeAll(async () => {
    kafka = await SecureKafka.start();
    project = new Project({
      KAFKA_BOOTSTRAP_SERVERS: kafka.address('SASLSSL'),
      KAFKA_SECURITY_PROTOCOL: 'SASL_SSL',
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      KAFKA_SASL_USERNAME: 'alice',
      KAFKA_SASL_PASSWORD: PASSWORD,
      KAFKA_SSL_CAFILE: kafka.certificates.ca,
    });
  });
  afterAll(async () => {
    await project?.remove();
    await kafka?.stop();
  });

  it('reads its login from the environment', async () => {
    expect(await project.run(['kafka', 'create-topic', 'secure', '-p', '1'])).toMatchObject({ code: 0 });
    const { code, stdout, stderr } = await project.run(['kafka', 'topics']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^secure +1 +0$/m);
    const doctor = await project.run(['kafka', 'doctor']);
    expect(doctor.stdout).toContain('connection kafka is up, and the login is accepted');
    expect(doctor.stdout + doctor.stderr).not.toContain(PASSWORD);
  });

  it('tells what is wrong with it, once, with the cure and without the secret', async () => {
    const env = { KAFKA_SASL_PASSWORD: WRONG };
    const topics = await project.run(['kafka', 'topics'], undefined, env);
    expect(topics).toMatchObject({ code: 1, stdout: '' });
    expect(topics.stderr).toMatch(
      /^Connection `kafka` refused the login: 127\.0\.0\.1:\d+ does not take the user `alice` by SCRAM-SHA-512 \(.*\)\. Correct `saslUsername` and `saslPassword`\.\n$/,
    );
    const doctor = await project.run(['kafka', 'doctor'], undefined, env);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/fail +Connection `kafka` refused the login/);
    for (const text of [topics.stderr, doctor.stdout, doctor.stderr]) expect(text).not.toContain(WRONG);
    const stranger = { KAFKA_SSL_CAFILE: kafka.certificates.strangerCa };
    const untrusted = await project.run(['kafka', 'doctor'], undefined, stranger);
    expect(untrusted.stdout).toMatch(/signed by an authority that is not trusted/);
  });
});
