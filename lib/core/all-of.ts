/** All values; a promise only where one of them is. */
export function allOf<Value>(
  values: readonly (Value | Promise<Value>)[],
): readonly Value[] | Promise<readonly Value[]> {
  if (values.every((value): value is Value => !(value instanceof Promise))) return values;
  return Promise.all(values.map((value) => Promise.resolve(value)));
}
