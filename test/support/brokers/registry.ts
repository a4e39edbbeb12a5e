import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.js';
import { classData, JAVA, JVM_FLAGS, maven, requireJava } from './java.js';
import { freePorts, run, ServerProcess, startOnFreePorts, startWhole, temporaryFolder } from './process.js';

/** The last version that runs on Java 17. */
const VERSION = process.env['APICURIO_VERSION'] ?? '3.0.9';

/** Apicurio Registry with its store in memory, on the API of Confluent's registry. */
export class RegistryServer {
  private constructor(
    private readonly process: ServerProcess,
    private readonly folder: string,
    readonly url: string,
  ) {}

  static async start(): Promise<RegistryServer> {
    await requireJava();
    const jar = await jarFile();
    const boot = (flags: readonly string[]) => startOnFreePorts(() => RegistryServer.boot(jar, flags));
    const archive = await classData(`apicurio-${VERSION}`, (flag) => boot([flag]));
    return boot(archive);
  }

  private static async boot(jar: string, flags: readonly string[]): Promise<RegistryServer> {
    const [port = 0, managementPort = 0] = await freePorts(2);
    const folder = temporaryFolder('registry');
    const args = [...JVM_FLAGS, '-Xmx192m', ...flags, '-jar', jar];
    const process = ServerProcess.start({
      name: 'registry',
      command: JAVA,
      args,
      folder,
      env: environment(port, managementPort),
    });
    const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
    const isReady = async () => (await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(2_000) })).ok;
    return startWhole(new RegistryServer(process, folder, url), () => process.ready(isReady));
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  async stop(patienceMs?: number): Promise<void> {
    await this.process.stop(patienceMs);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Copied, not resolved through a POM: its parent POM is not published. */
async function jarFile(): Promise<string> {
  const home = await cached(`apicurio-${VERSION}`, async (folder) => {
    await maven(
      'dependency:copy',
      `-Dartifact=io.apicurio:apicurio-registry-app:${VERSION}:tar.gz:all`,
      `-DoutputDirectory=${folder}`,
    );
    const [archive = ''] = readdirSync(folder).filter((file) => file.endsWith('.tar.gz'));
    await run('tar', ['xzf', join(folder, archive), '-C', folder]);
    rmSync(join(folder, archive));
  });
  const jar = readdirSync(home).find((file) => file === 'quarkus-run.jar' || file.endsWith('-runner.jar'));
  return join(home, jar ?? 'quarkus-run.jar');
}

function environment(port: number, managementPort: number): NodeJS.ProcessEnv {
  return {
    QUARKUS_HTTP_HOST: '127.0.0.1',
    QUARKUS_HTTP_PORT: String(port),
    QUARKUS_MANAGEMENT_HOST: '127.0.0.1',
    QUARKUS_MANAGEMENT_PORT: String(managementPort),
    QUARKUS_HTTP_ACCESS_LOG_ENABLED: 'false',
    APICURIO_CCOMPAT_USE_CANONICAL_HASH: 'true',
    APICURIO_RULES_GLOBAL_COMPATIBILITY: 'BACKWARD',
    APICURIO_DATASOURCE_JDBC_INITIAL_SIZE: '1',
    APICURIO_DATASOURCE_JDBC_MIN_SIZE: '1',
  };
}
