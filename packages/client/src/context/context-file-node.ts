// Context files of the `nats` tools (ADR-21): what somebody chose with `nats context select`.
//
//   ${XDG_CONFIG_HOME:-~/.config}/nats/context.txt          the name of the selected context
//   ${XDG_CONFIG_HOME:-~/.config}/nats/context/<name>.json  its settings

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { NatsError } from "../errors.ts";
import type { Settings } from "./settings.ts";

/** What JetStream clients need of a context. */
export interface ContextJetStream {
  domain?: string;
  apiPrefix?: string;
  eventPrefix?: string;
}

/** A context that was read. Holds secrets in `settings`: do not print it. */
export interface NatsContext {
  readonly name: string;
  readonly description: string;
  readonly settings: Settings;
  readonly jetstream: ContextJetStream;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the tools keep their contexts. */
export function contextFolder(env: Environment = process.env): string {
  const base = env["XDG_CONFIG_HOME"];
  return join(base !== undefined && base !== "" ? base : join(env["HOME"] ?? homedir(), ".config"), "nats");
}

/**
 * Reads a context.
 *
 * @param name - That of $NATS_CONTEXT when absent, else the selected one.
 * @returns Null when no name was given and none is selected.
 * @throws NatsError with code ERR_NATS_BAD_CONTEXT, which never repeats a value of the file.
 */
export async function readContext(name?: string, env: Environment = process.env): Promise<NatsContext | null> {
  const folder = contextFolder(env);
  const chosen = name ?? (env["NATS_CONTEXT"] || (await selectedName(folder)));
  if (chosen === null) return null;
  if (!/^[^/\\]+$/.test(chosen) || chosen.includes("..")) throw badContext(chosen, "the name is not a file name");
  const path = join(folder, "context", `${chosen}.json`);
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw badContext(chosen, missing ? `there is no file '${path}'` : `'${path}' is not JSON that can be read`);
  }
  return { name: chosen, ...(await readFields(chosen, fields, env)) };
}

async function selectedName(folder: string): Promise<string | null> {
  try {
    return (await readFile(join(folder, "context.txt"), "utf8")).trim() || null;
  } catch {
    return null; // nothing was ever selected
  }
}

const TEXT_FIELDS: Readonly<Record<string, keyof Settings>> = {
  url: "url",
  user: "user",
  password: "password",
  token: "token",
  creds: "creds",
  nkey: "nkey",
  user_jwt: "userJwt",
  user_seed: "userSeed",
  cert: "cert",
  key: "key",
  ca: "ca",
  inbox_prefix: "inboxPrefix",
};
/** What only the tools' own platform has; a context that needs it is refused rather than used in part. */
const UNSUPPORTED = ["nsc", "socks_proxy", "windows_cert_store", "windows_cert_match", "windows_ca_certs_match"];

async function readFields(
  name: string,
  fields: Record<string, unknown>,
  env: Environment,
): Promise<Omit<NatsContext, "name">> {
  for (const field of UNSUPPORTED) {
    const value = fields[field];
    const isSet = Array.isArray(value) ? value.length > 0 : Boolean(value);
    if (isSet) throw badContext(name, `its field '${field}' is not supported here`);
  }
  const settings: Record<string, unknown> = {};
  for (const [field, setting] of Object.entries(TEXT_FIELDS)) {
    const value = textOf(name, fields, field);
    if (value !== undefined) settings[setting] = await resolveValue(name, field, value, env);
  }
  if (fields["tls_first"] === true) settings["tlsFirst"] = true;
  const jetstream: ContextJetStream = {};
  const domain = textOf(name, fields, "jetstream_domain");
  const apiPrefix = textOf(name, fields, "jetstream_api_prefix");
  const eventPrefix = textOf(name, fields, "jetstream_event_prefix");
  if (domain !== undefined) jetstream.domain = domain;
  if (apiPrefix !== undefined) jetstream.apiPrefix = apiPrefix;
  if (eventPrefix !== undefined) jetstream.eventPrefix = eventPrefix;
  return { description: textOf(name, fields, "description") ?? "", settings, jetstream };
}

function textOf(name: string, fields: Record<string, unknown>, field: string): string | undefined {
  const value = fields[field];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw badContext(name, `its field '${field}' is no text`);
  return value;
}

/** Values may stand somewhere else: `env://NAME`, `file:///path`. */
async function resolveValue(name: string, field: string, value: string, env: Environment): Promise<string> {
  if (field === "url" || !/^(env|file|op|nsc):\/\//.test(value)) return value;
  const [scheme, rest] = [value.slice(0, value.indexOf(":")), value.slice(value.indexOf("://") + 3)];
  if (scheme === "env") {
    const found = Object.hasOwn(env, rest) ? env[rest] : undefined;
    if (found === undefined)
      throw badContext(name, `its field '${field}' needs the variable ${rest}, which is not set`);
    return found;
  }
  if (scheme !== "file") throw badContext(name, `its field '${field}' needs ${scheme}://, which is not supported here`);
  // Fields that are paths themselves stay paths.
  if (["creds", "nkey", "cert", "key", "ca"].includes(field)) return rest;
  try {
    return (await readFile(rest, "utf8")).trim();
  } catch {
    throw badContext(name, `its field '${field}' needs the file '${rest}', which cannot be read`);
  }
}

function badContext(name: string, problem: string): NatsError {
  return new NatsError(`Cannot use the context '${name}': ${problem}`, "ERR_NATS_BAD_CONTEXT");
}
