// CONNECT: what a client tells about itself, and how its JSON is read.
//
// A CONNECT only sets the fields that it names; the others keep what they had, from the defaults or from an earlier CONNECT.
// Field names are matched in any case and unknown ones ignored, as Go's JSON package does; a field of the wrong type is an error.

import { jsonMembers } from "./json-members.ts";

/** The fields of CONNECT (client.go ClientOpts). */
export interface ConnectOptions {
  echo: boolean;
  verbose: boolean;
  pedantic: boolean;
  tls_required: boolean;
  nkey: string;
  jwt: string;
  sig: string;
  auth_token: string;
  user: string;
  pass: string;
  name: string;
  lang: string;
  version: string;
  protocol: number;
  account: string;
  new_account: boolean;
  headers: boolean;
  no_responders: boolean;
  proxy_sig: string;
}

/** What holds until a CONNECT says otherwise (client.go defaultOpts). */
export const DEFAULT_CONNECT_OPTIONS: Readonly<ConnectOptions> = Object.freeze({
  echo: true,
  verbose: true,
  pedantic: true,
  tls_required: false,
  nkey: "",
  jwt: "",
  sig: "",
  auth_token: "",
  user: "",
  pass: "",
  name: "",
  lang: "",
  version: "",
  protocol: 0,
  account: "",
  new_account: false,
  headers: false,
  no_responders: false,
  proxy_sig: "",
});

/** A CONNECT could not be read. The message names the field and what was wrong, never its value: it may be a secret. */
export class ConnectSyntaxError extends Error {
  override readonly name = "ConnectSyntaxError";
  readonly code = "BAD_CONNECT";
}

const FIELDS: ReadonlyMap<string, keyof ConnectOptions> = new Map(
  (Object.keys(DEFAULT_CONNECT_OPTIONS) as Array<keyof ConnectOptions>).map((field) => [field, field]),
);

/** Fields of server links: a client may send them, and they have to have their form, but they mean nothing. */
const LINK_PERMISSIONS: ReadonlySet<string> = new Set(["import", "export"]);
const LINK_ACCOUNT = "remote_account";
/** A number that Go reads into an integer of 64 bits. */
const INTEGER = /^-?\d+$/;
const INT64_LIMIT = 2n ** 63n;

/**
 * Reads the JSON of a CONNECT over the options that hold so far.
 *
 * @param json - The text between `CONNECT ` and the line end.
 * @param current - Not changed.
 * @throws ConnectSyntaxError when it is not a JSON object or a known field has the wrong type. Where a field stands twice
 *   each has to have its type, and the last one counts.
 */
export function parseConnect(json: string, current: Readonly<ConnectOptions>): ConnectOptions {
  const options: ConnectOptions = { ...current };
  const members = parseObject(json);
  if (members === null) return options;
  // What JSON.stringify would write the same has no key twice and no number in another form: its values are enough. Most
  // clients write so, and reading the text again would cost as much as everything else that a CONNECT brings.
  if (JSON.stringify(members) === json) {
    for (const key of Object.keys(members)) take(options, key, members[key], null);
  } else {
    for (const { key, text } of jsonMembers(json)) take(options, key, JSON.parse(text), text);
  }
  return options;
}

/** Takes one member. @param text - Its value as it was written; null where that is what JSON.stringify writes. */
function take(options: ConnectOptions, key: string, value: unknown, text: string | null): void {
  if (value === null) return; // Go leaves a field alone for null
  const name = FIELDS.has(key) ? key : key.toLowerCase();
  const field = FIELDS.get(name);
  if (field !== undefined) assign(options, field, value, text);
  else if (name === LINK_ACCOUNT && typeof value !== "string") refuse(name, "a string");
  else if (LINK_PERMISSIONS.has(name) && !isPermission(value)) refuse(name, "an object with lists of subjects");
}

/** @returns The members of the object; null for `null`, which stands for none of them. */
function parseObject(json: string): Record<string, unknown> | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // The parser's own message would quote the text, and with it secrets.
    throw new ConnectSyntaxError("the options of CONNECT are not valid JSON");
  }
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new ConnectSyntaxError("the options of CONNECT are not a JSON object");
  }
  return value as Record<string, unknown> | null;
}

function assign<Field extends keyof ConnectOptions>(
  options: ConnectOptions,
  field: Field,
  value: unknown,
  text: string | null,
): void {
  const wanted = typeof DEFAULT_CONNECT_OPTIONS[field];
  if (typeof value !== wanted || (wanted === "number" && !isInt64(text ?? String(value)))) {
    refuse(field, wanted === "number" ? "an integer" : `a ${wanted}`);
  }
  options[field] = value as ConnectOptions[Field];
}

function isInt64(text: string): boolean {
  if (!INTEGER.test(text)) return false;
  const value = BigInt(text);
  return value >= -INT64_LIMIT && value < INT64_LIMIT;
}

function isPermission(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([key, list]) => {
    if (!["allow", "deny"].includes(key.toLowerCase()) || list === null) return true;
    return Array.isArray(list) && list.every((subject) => typeof subject === "string");
  });
}

function refuse(field: string, wanted: string): never {
  throw new ConnectSyntaxError(`the field ${field} of CONNECT has to be ${wanted}`);
}
