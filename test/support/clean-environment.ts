/** What a developer has exported for an app must not reach the tests. */
for (const name of Object.keys(process.env))
  if (/^(KAFKA|REDIS|MESSAGING)_/.test(name) && name !== 'KAFKA_VERSION') delete process.env[name];
