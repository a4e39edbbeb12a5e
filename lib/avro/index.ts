export { AvroField } from './avro-field.decorator.js';
export type { AvroFieldOptions, ClassRef } from './avro-field.options.js';
export { AvroModel } from './avro-model.decorator.js';
export type { AvroModelOptions } from './avro-model.options.js';
export { avroSchemaOf } from './avro-schema-of.js';
