// Reads permissions:
//
//   permissions { publish: "a.>", subscribe: { allow: ["b.>", "c queue.*"], deny: "b.x" }, allow_responses: { max: 5, expires: "1m" } }
//
// Zero and empty lists mean the default where the reference means that: an empty list of allowed subjects allows everything.

import {
  DEFAULT_RESPONSE_PERMISSION,
  type PermissionOptions,
  problemOfEntry,
  type ResponsePermission,
  type SubjectPermission,
} from "../auth/permission-options.ts";
import { ALLOW_RESPONSES, PERMISSIONS, SUBJECTS } from "./directives/auth-blocks.ts";
import { durationProblem, parseDuration } from "./duration.ts";
import type { Problems } from "./problem.ts";
import type { Setting } from "./setters.ts";
import type { ConfigValue, Entry, IntegerValue, MapValue, StringValue } from "./value.ts";
import { kindText } from "./value.ts";

type Usable = Setting["usable"];

/** Reads a block of permissions; what is wrong is reported. */
export function readPermissions(map: MapValue, problems: Problems, usable: Usable): PermissionOptions {
  let publish: SubjectPermission | null = null;
  let subscribe: SubjectPermission | null = null;
  let responses: ResponsePermission | null = null;
  for (const { directive, entry } of usable(map, PERMISSIONS)) {
    if (directive.name === "publish") publish = readSubjects(entry.value, false, problems, usable);
    else if (directive.name === "subscribe") subscribe = readSubjects(entry.value, true, problems, usable);
    else if (directive.name === "allow_responses") responses = readResponses(entry.value, problems, usable);
  }
  return { publish, subscribe, responses };
}

function readSubjects(
  value: ConfigValue,
  mayNameQueue: boolean,
  problems: Problems,
  usable: Usable,
): SubjectPermission | null {
  if (value.kind !== "map") return withoutNothing(readList(value, mayNameQueue, problems), []);
  let allow: readonly string[] = [];
  let deny: readonly string[] = [];
  for (const { directive, entry } of usable(value, SUBJECTS)) {
    const entries = readList(entry.value, mayNameQueue, problems);
    if (directive.name === "allow") allow = entries;
    else deny = entries;
  }
  return withoutNothing(allow, deny);
}

function withoutNothing(allow: readonly string[], deny: readonly string[]): SubjectPermission | null {
  if (allow.length === 0 && deny.length === 0) return null;
  return { allow: allow.length === 0 ? null : allow, deny };
}

function readList(value: ConfigValue, mayNameQueue: boolean, problems: Problems): readonly string[] {
  const entries: string[] = [];
  for (const item of value.kind === "array" ? value.items : [value]) {
    if (item.kind === "broken") continue;
    if (item.kind !== "string") {
      const hint = `it is ${kindText(item)}`;
      problems.error("BAD_VALUE", "Subject in permissions array cannot be cast to string", item.span, hint);
      continue;
    }
    const problem = problemOfEntry(item.value, mayNameQueue);
    if (problem === null) entries.push(item.value);
    else problems.error("BAD_VALUE", problem, item.span, 'subjects look like "orders.*.new" or "orders.>"');
  }
  return entries;
}

function readResponses(value: ConfigValue, problems: Problems, usable: Usable): ResponsePermission | null {
  if (value.kind === "boolean") return value.value ? DEFAULT_RESPONSE_PERMISSION : null;
  let { expiresMs, max } = DEFAULT_RESPONSE_PERMISSION;
  for (const { directive, entry } of usable(value as MapValue, ALLOW_RESPONSES)) {
    if (directive.name === "max") max = maxOf(entry) ?? max;
    else expiresMs = expiryOf(entry, problems) ?? expiresMs;
  }
  return { max, expiresMs };
}

/** Null for 0, the default. */
function maxOf(entry: Entry): number | null {
  const max = Number((entry.value as IntegerValue).value);
  if (max === 0) return null;
  return max < 0 ? -1 : Math.min(max, Number.MAX_SAFE_INTEGER);
}

/** Milliseconds; null for 0, the default, and for what is no duration, which is reported. */
function expiryOf(entry: Entry, problems: Problems): number | null {
  const text = (entry.value as StringValue).value;
  const ms = parseDuration(text);
  if (ms === null) {
    const problem = `error parsing expires: ${durationProblem(text)}`;
    problems.error("BAD_VALUE", problem, entry.value.span, 'durations look like "250ms", "10s", "1h30m"');
    return null;
  }
  if (ms === 0) return null;
  return ms < 0 ? -1 : ms;
}
