import { DeserializationError, MessagingError, SerializationError } from '../core/errors.js';
import { NonRetryableError, RetryAfterError } from './errors.js';
import type { RetryPolicyValues } from '../core/retry-policy.js';

/** Answers of Nest's `HttpException` and its like that no repetition changes. 404 and 409 may change, 429 and 5xx ask for it. */
const FINAL_STATUS = new Set([400, 401, 403, 405, 406, 410, 411, 412, 413, 414, 415, 416, 417, 422]);
/** What no repetition makes another. */
const FINAL_ERRORS = [NonRetryableError, DeserializationError, SerializationError];
const LONGEST_REQUESTED_MS = 3_600_000;

/**
 * Whether another attempt may succeed.
 *
 * @param isRefused whether a guard or a pipe threw it: unless it says itself that it may pass, it is about the message
 */
export function isRetryable(error: Error, policy: RetryPolicyValues, isRefused = false): boolean {
  if (policy.retryIf) return policy.retryIf(error);
  if (FINAL_ERRORS.some((type) => error instanceof type)) return false;
  if (policy.nonRetryable.some((type) => error instanceof type)) return false;
  const status = httpExceptionStatus(error);
  if (status !== undefined) return !FINAL_STATUS.has(status);
  if (error instanceof MessagingError && error.retryable) return true;
  return !isRefused && !isValidationError(error);
}

/** What validators throw: an error with `issues` (Standard Schema, Zod, Valibot), or class-validator's array, which arrives as a cause. */
function isValidationError(error: Error): boolean {
  const { issues } = error as { readonly issues?: unknown };
  const listed: unknown = Array.isArray(issues) ? issues : error.cause;
  if (!Array.isArray(listed) || listed.length === 0) return false;
  return listed.every((one: unknown) => {
    if (typeof one !== 'object' || one === null) return false;
    return listed === issues ? 'message' in one : 'constraints' in one || 'children' in one;
  });
}

/** The delay that the handler asks for, by its outcome or its error, in ms. */
export function requestedDelay(error: Error, now: number, afterMs?: number): number | undefined {
  const asked = afterMs ?? (error instanceof RetryAfterError ? error.delayMs : retryAfter(error, now));
  return asked === undefined ? undefined : Math.min(Math.max(asked, 0), LONGEST_REQUESTED_MS);
}

/** Only of exceptions that speak for the handler: the status of a failed call of its own says nothing about the message. */
function httpExceptionStatus(error: Error): number | undefined {
  const { getStatus } = error as { getStatus?: unknown };
  if (typeof getStatus !== 'function') return undefined;
  const status: unknown = getStatus.call(error);
  return typeof status === 'number' ? status : undefined;
}

interface HttpError {
  readonly status?: unknown;
  readonly headers?: unknown;
  readonly response?: { readonly status?: unknown; readonly headers?: unknown };
}

/** The `Retry-After` of a 429 or 503 (RFC 9110 section 10.2.3): seconds, or a date. */
function retryAfter(error: Error, now: number): number | undefined {
  const { status, headers, response } = error as HttpError;
  const code = httpExceptionStatus(error) ?? response?.status ?? status;
  if (code !== 429 && code !== 503) return undefined;
  const value = headerOf(response?.headers ?? headers);
  if (value === undefined) return undefined;
  const seconds = Number(value);
  return Number.isFinite(seconds) ? seconds * 1_000 : dateIn(value, now);
}

function headerOf(headers: unknown): string | undefined {
  if (headers instanceof Headers) return headers.get('retry-after') ?? undefined;
  if (typeof headers !== 'object' || headers === null) return undefined;
  const found = Object.entries(headers).find(([name]) => name.toLowerCase() === 'retry-after')?.[1] as unknown;
  return typeof found === 'string' || typeof found === 'number' ? String(found) : undefined;
}

function dateIn(text: string, now: number): number | undefined {
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at - now;
}
