import { MissingPackageError } from '../core/errors.js';

/** The module that `load` imports. @throws MissingPackageError with the line that installs it. */
export async function optionalPackage<Module>(
  name: string,
  purpose: string,
  load: () => Promise<Module>,
): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND')
      throw new MissingPackageError(name, purpose, cause);
    throw cause;
  }
}
