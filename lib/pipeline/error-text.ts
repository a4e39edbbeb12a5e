/** Many subclasses, Nest's `RpcException` among them, leave `name` at `Error`. */
export function classNameOf(error: Error): string {
  return error.name === 'Error' ? error.constructor.name : error.name;
}

/** An error's message; of a Nest `HttpException`, with what its response lists: a `ValidationPipe` names the faults only there. */
export function errorText(error: Error): string {
  const { getResponse } = error as { readonly getResponse?: unknown };
  const response: unknown = typeof getResponse === 'function' ? getResponse.call(error) : undefined;
  const listed = typeof response === 'object' && response !== null ? (response as { message?: unknown }).message : [];
  return Array.isArray(listed) && listed.length > 0 ? `${error.message}: ${listed.join('; ')}` : error.message;
}
