import { optionalRequire } from '../core/optional-require.js';
import type { PayloadClass } from '../topic/topic.js';
import { ValidationError, type ValidationIssue } from './validation.error.js';

/** What is used of class-validator, which is an optional package. */
interface ClassValidator {
  validate(instance: object, options: object): Promise<readonly Fault[]>;
  getMetadataStorage(): {
    getTargetValidationMetadatas(target: unknown, schema: string, always: boolean, strict: boolean): readonly unknown[];
  };
}

interface Fault {
  readonly property: string;
  readonly constraints?: Readonly<Record<string, string>>;
  readonly children?: readonly Fault[];
}

interface ClassTransformer {
  plainToInstance(type: PayloadClass, plain: unknown): unknown;
}

/** Makes payloads instances of a class, and validates them by its class-validator decorators. */
export class PayloadValidator {
  private readonly validator: ClassValidator | undefined;
  private readonly transformer = optionalRequire<ClassTransformer>('class-transformer');

  constructor(
    private readonly type: PayloadClass,
    private readonly topic: string,
  ) {
    this.validator = validatorOf(type);
  }

  /** The payload as an instance; a payload that is one stays as it is. */
  hydrate(payload: unknown): unknown {
    if (typeof payload !== 'object' || payload === null || payload instanceof this.type) return payload;
    if (this.transformer) return this.transformer.plainToInstance(this.type, payload);
    return Object.assign(Object.create(this.type.prototype as object) as object, payload);
  }

  /** Undefined where there is nothing to validate; plain objects, inside of others too, are validated as instances. Rejects with a ValidationError. */
  check(payload: unknown, what: string): Promise<void> | undefined {
    return this.validator && this.validate(this.validator, this.hydrate(payload), what);
  }

  private async validate(validator: ClassValidator, instance: unknown, what: string): Promise<void> {
    if (typeof instance !== 'object' || instance === null)
      throw new ValidationError(
        what,
        [{ path: '(payload)', message: `expected ${this.type.name}, got ${typeof instance}` }],
        {
          topic: this.topic,
        },
      );
    const faults = await this.faultsOf(validator, instance);
    if (faults.length > 0) throw new ValidationError(what, faults.flatMap(issuesOf), { topic: this.topic });
  }

  /** An instance may hold plain objects where its class has instances; they are judged as those, and the payload stays as it is. */
  private async faultsOf(validator: ClassValidator, instance: object): Promise<readonly Fault[]> {
    const faults = await validator.validate(instance, VALIDATION);
    if (!this.transformer || !faults.some(isOfPlainObject)) return faults;
    return validator.validate(this.transformer.plainToInstance(this.type, { ...instance }) as object, VALIDATION);
  }
}

const VALIDATION = { forbidUnknownValues: true, validationError: { target: false } };

/** class-validator refuses an object whose class it does not know. */
function isOfPlainObject({ constraints = {}, children = [] }: Fault): boolean {
  return 'unknownValue' in constraints || children.some(isOfPlainObject);
}

/** class-validator, where it is installed and knows the class. */
function validatorOf(type: PayloadClass): ClassValidator | undefined {
  const validator = optionalRequire<ClassValidator>('class-validator');
  const known = validator?.getMetadataStorage().getTargetValidationMetadatas(type, '', false, false) ?? [];
  return known.length > 0 ? validator : undefined;
}

function issuesOf({ property, constraints = {}, children = [] }: Fault): ValidationIssue[] {
  const own = Object.values(constraints).map((message) => ({ path: property, message }));
  const below = children.flatMap(issuesOf).map(({ path, message }) => ({ path: `${property}.${path}`, message }));
  return [...own, ...below];
}
