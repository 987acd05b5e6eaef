// What a user may do, as options and configuration files give it. auth/permissions.ts makes of it what connections ask.

import { isSubscribable, viewOf } from "@myelin/protocol";
import { parsePattern } from "./subject-patterns.ts";

/** Subjects that are allowed and subjects that are forbidden; the second win. Wildcards count as in subscriptions. */
export interface SubjectPermission {
  /** Null: everything. An empty list: nothing. */
  readonly allow: readonly string[] | null;
  readonly deny: readonly string[];
}

/** How a service may answer the requests it was sent, although its permissions do not name the reply subjects. */
export interface ResponsePermission {
  /** Responses to one request; negative: any number. */
  readonly max: number;
  /** Time for them in milliseconds, from the delivery of the request; negative: no limit. */
  readonly expiresMs: number;
}

/** What a user may publish, subscribe to and answer. */
export interface PermissionOptions {
  /** Null: everything, unless there is {@link responses}: then nothing but responses. */
  readonly publish: SubjectPermission | null;
  /** Null: everything. An entry may be `subject queue`: it then speaks of members of that queue group, wildcards included. */
  readonly subscribe: SubjectPermission | null;
  readonly responses: ResponsePermission | null;
}

/** The reference's defaults (opts.go DEFAULT_ALLOW_RESPONSE_MAX_MSGS, DEFAULT_ALLOW_RESPONSE_EXPIRATION). */
export const DEFAULT_RESPONSE_PERMISSION: ResponsePermission = Object.freeze({ max: 1, expiresMs: 120_000 });

/**
 * What is wrong with an entry of a list, in the reference's words (opts.go checkPermSubjectArray).
 *
 * @param mayNameQueue - Whether it may be `subject queue`.
 * @returns Null when nothing is.
 */
export function problemOfEntry(entry: string, mayNameQueue: boolean): string | null {
  if (isPattern(entry)) return null;
  const pattern = mayNameQueue ? parsePattern(entry) : null;
  if (pattern === null || pattern.queue === null) return `subject ${JSON.stringify(entry)} is not a valid subject`;
  if (!isPattern(pattern.subject)) return `subject ${JSON.stringify(pattern.subject)} is not a valid subject`;
  return isPattern(pattern.queue) ? null : `queue ${JSON.stringify(pattern.queue)} is not a valid queue`;
}

/** What is wrong with permissions, for people; null when nothing is. */
export function problemOfPermissions({ publish, responses, subscribe }: PermissionOptions): string | null {
  for (const entry of entriesOf(publish)) {
    const problem = problemOfEntry(entry, false);
    if (problem !== null) return `publish: ${problem}`;
  }
  for (const entry of entriesOf(subscribe)) {
    const problem = problemOfEntry(entry, true);
    if (problem !== null) return `subscribe: ${problem}`;
  }
  if (responses === null) return null;
  const { expiresMs, max } = responses;
  if (!Number.isSafeInteger(max) || max === 0)
    return `responses: max ${max} is neither a number from 1 nor -1 for no limit`;
  if (Number.isNaN(expiresMs) || expiresMs === 0) {
    return `responses: expiresMs ${expiresMs} is neither a time in milliseconds nor -1 for no limit`;
  }
  return null;
}

function entriesOf(permission: SubjectPermission | null): readonly string[] {
  return permission === null ? [] : [...(permission.allow ?? []), ...permission.deny];
}

function isPattern(text: string): boolean {
  if (text === "" || /[ \t\n\r\f]/.test(text)) return false;
  const bytes = Buffer.from(text);
  return isSubscribable(viewOf(bytes), 0, bytes.length);
}
