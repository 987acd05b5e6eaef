// How a server is started as a program: which one, with which flags, and what has to go into a configuration file because
// nats-server has no flag for it.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { PartialServerOptions, TlsOptions } from "@myelin/server";
import type { ServerUnderTestOptions } from "../test-server.ts";

/** What a child process is started with. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  /** A configuration file that the arguments name and that has to be written first; null where there is none. */
  readonly config: { readonly path: string; readonly text: string } | null;
}

/** Which program, and what it is told. */
export interface LaunchOptions {
  readonly program: string | null;
  readonly options: ServerUnderTestOptions;
  readonly jetstream: boolean;
  readonly configFile: string | null;
  readonly configText: string | null;
  readonly args: readonly string[];
  /** The port of the moment; -1 for a free one. */
  readonly port: number;
  readonly folder: string;
}

/** @throws TypeError for an option that no program takes, and for options that exclude each other. */
export function launchOf(given: LaunchOptions): Launch {
  const { args, folder, jetstream, options, port, program } = given;
  const config = configurationOf(given);
  const flags = ["-a", options.host ?? "127.0.0.1", "-p", String(port), "--ports_file_dir", folder];
  if (options.serverName) flags.push("--name", options.serverName);
  if (options.user) flags.push("--user", options.user, "--pass", options.pass ?? "");
  if (options.token) flags.push("--auth", options.token);
  if (options.debug) flags.push("-D");
  if (options.trace) flags.push("-V");
  if (jetstream) flags.push("-js", "--store_dir", join(folder, "data"));
  const configPath = config?.path ?? given.configFile;
  if (configPath !== null) flags.push("-c", configPath);
  const [command, ...first] = program === null ? [process.execPath, myelinServerPath()] : [program];
  return { command, args: [...first, ...flags, ...args], config };
}

/** The text that was given, and what has no flag; null where that is nothing. */
function configurationOf({ configFile, configText, folder, options }: LaunchOptions): Launch["config"] {
  const directives = directivesOf(options);
  const text = [configText ?? "", directives].filter((part) => part !== "").join("\n");
  if (text === "") return null;
  if (configFile !== null) {
    const other =
      configText !== null ? "configText" : `options that have no flag (${directives.split("\n").join(", ")})`;
    throw new TypeError(`Cannot start a program with both configFile and ${other}: put all of it into configText`);
  }
  return { path: join(folder, "server.conf"), text };
}

/** Myelin's own program, beside the package that is imported. */
function myelinServerPath(): string {
  const entry = createRequire(import.meta.url).resolve("@myelin/server");
  return join(dirname(dirname(entry)), "bin", "myelin-server.js");
}

const FLAGS: ReadonlySet<string> = new Set([
  "host",
  "port",
  "serverName",
  "user",
  "pass",
  "token",
  "debug",
  "trace",
] satisfies Array<keyof PartialServerOptions>);

/** Options without a flag, as directives of a configuration file. */
const DIRECTIVES: Readonly<Record<string, string>> = {
  maxConnections: "max_connections",
  maxSubscriptions: "max_subscriptions",
  maxSubscriptionTokens: "max_subscription_tokens",
  maxControlLineBytes: "max_control_line",
  maxPayloadBytes: "max_payload",
  maxPendingBytes: "max_pending",
  writeDeadlineMs: "write_deadline",
  noFastProducerStall: "no_fast_producer_stall",
  pingIntervalMs: "ping_interval",
  pingMax: "ping_max",
  lameDuckDurationMs: "lame_duck_duration",
  lameDuckGraceMs: "lame_duck_grace_period",
  noHeaderSupport: "no_header_support",
  proxyProtocol: "proxy_protocol",
  allowNonTls: "allow_non_tls",
} satisfies Partial<Record<keyof PartialServerOptions, string>>;

function directivesOf(options: ServerUnderTestOptions): string {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || FLAGS.has(name)) continue;
    if (name === "authTimeoutMs") {
      lines.push(`authorization { timeout: ${Number(value) / 1000} }`);
      continue;
    }
    if (name === "tls") {
      lines.push(tlsBlock(value as TlsOptions));
      continue;
    }
    const directive = DIRECTIVES[name];
    if (directive === undefined || typeof value === "object")
      throw new TypeError(`Cannot start a program with the option ${name}: it has none such`);
    lines.push(`${directive}: ${name.endsWith("Ms") ? `"${String(value)}ms"` : String(value)}`);
  }
  return lines.join("\n");
}

const TLS_DIRECTIVES: Readonly<Record<string, string>> = {
  certFile: "cert_file",
  keyFile: "key_file",
  caFile: "ca_file",
  verify: "verify",
  verifyAndMap: "verify_and_map",
  cipherSuites: "cipher_suites",
  allowInsecureCipherSuites: "allow_insecure_cipher_suites",
  curvePreferences: "curve_preferences",
  minVersion: "min_version",
  connectionRateLimit: "connection_rate_limit",
  pinnedCerts: "pinned_certs",
} satisfies Partial<Record<keyof TlsOptions, string>>;

function tlsBlock(tls: TlsOptions): string {
  const lines = Object.entries(tls).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (name === "timeoutMs") return [`timeout: "${String(value)}ms"`];
    if (name === "handshakeFirst") return [`handshake_first: ${typeof value === "number" ? `"${value}ms"` : value}`];
    const directive = TLS_DIRECTIVES[name];
    if (directive === undefined)
      throw new TypeError(`Cannot start a program with the option tls.${name}: put certificates into files`);
    return [`${directive}: ${JSON.stringify(value)}`];
  });
  return `tls {\n${lines.join("\n")}\n}`;
}
