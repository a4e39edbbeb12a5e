import { createHash } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cached } from './cache.js';
import { hasProgram, MissingProgram, run } from './process.js';

export const JAVA = process.env['BROKERS_JAVA'] ?? 'java';
const MAVEN = process.env['BROKERS_MVN'] ?? 'mvn';

/** Small and quick to start: a test's broker lives for minutes. What the class archive leaves out would hide the reason of a failed start. */
export const JVM_FLAGS = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xss512k', '-Xlog:cds*=off'] as const;

export async function requireJava(): Promise<void> {
  if ((await hasProgram(JAVA, '-version')) && (await hasProgram(MAVEN, '-v'))) return;
  throw new MissingProgram(
    'no java (17 or newer) or mvn on PATH: apt-get install openjdk-17-jre-headless maven | brew install openjdk maven, or set BROKERS_JAVA and BROKERS_MVN, or TEST_KAFKA_BOOTSTRAP_SERVERS',
  );
}

export async function maven(...args: readonly string[]): Promise<void> {
  await run(MAVEN, ['-q', '-B', ...args], { maxBuffer: 100_000_000 });
}

/** The jars of Maven artifacts with all they need at run time, as a class path in a fixed order. */
export async function classPath(name: string, artifacts: readonly string[]): Promise<string> {
  const home = await cached(name, async (folder) => {
    const pom = join(folder, 'pom.xml');
    writeFileSync(pom, pomOf(artifacts));
    await maven(
      '-f',
      pom,
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DoutputDirectory=${join(folder, 'libs')}`,
    );
  });
  const libs = join(home, 'libs');
  const jars = readdirSync(libs)
    .filter((file) => file.endsWith('.jar'))
    .sort();
  return jars.map((jar) => join(libs, jar)).join(delimiter);
}

function pomOf(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, id, version] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>brokers</artifactId><version>1</version><packaging>pom</packaging><dependencies>${dependencies.join('')}</dependencies></project>`;
}

/** A class-data archive halves the CPU of every start. It fits one build of the JVM and one class path. */
export async function classData(
  name: string,
  startOnce: (flag: string) => Promise<{ stop(patienceMs: number): Promise<void> }>,
): Promise<string[]> {
  const { stderr } = await run(JAVA, ['-version']);
  const key = createHash('sha256').update(stderr).digest('hex').slice(0, 8);
  const folder = await cached(`${name}-${key}.jsa`, async (draft) => {
    const server = await startOnce(`-XX:ArchiveClassesAtExit=${join(draft, 'classes.jsa')}`);
    await server.stop(30_000); // the archive is written on the way out
  });
  const archive = join(folder, 'classes.jsa');
  return existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`] : [];
}
