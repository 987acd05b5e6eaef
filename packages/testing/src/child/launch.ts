// How a server is started as a program: which one, with which flags, and what has to go into a configuration file because
// nats-server has no flag for it.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { PartialServerOptions } from "@myelin/server";

/** What a child process is started with. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  /** The text of a configuration file to pass with `-c`; null when flags say everything. */
  readonly config: string | null;
}

/** Which program, and what it is told. */
export interface LaunchOptions {
  readonly program: string | null;
  readonly options: PartialServerOptions;
  readonly jetstream: boolean;
  readonly config: string | null;
  readonly args: readonly string[];
  /** The port of the moment; -1 for a free one. */
  readonly port: number;
  readonly folder: string;
}

/** @throws TypeError for an option that no program takes. */
export function launchOf({ args, config, folder, jetstream, options, port, program }: LaunchOptions): Launch {
  const directives = configOf(options);
  const text = [config ?? "", directives].filter((part) => part !== "").join("\n");
  const flags = ["-a", options.host ?? "127.0.0.1", "-p", String(port), "--ports_file_dir", folder];
  if (options.serverName) flags.push("--name", options.serverName);
  if (options.user) flags.push("--user", options.user, "--pass", options.pass ?? "");
  if (options.token) flags.push("--auth", options.token);
  if (options.debug) flags.push("-D");
  if (options.trace) flags.push("-V");
  if (jetstream) flags.push("-js", "--store_dir", join(folder, "data"));
  const [command, ...first] = program === null ? [process.execPath, myelinServerPath()] : [program];
  return { command, args: [...first, ...flags, ...args], config: text === "" ? null : text };
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
} satisfies Partial<Record<keyof PartialServerOptions, string>>;

function configOf(options: PartialServerOptions): string {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || FLAGS.has(name)) continue;
    if (name === "authTimeoutMs") {
      lines.push(`authorization { timeout: ${Number(value) / 1000} }`);
      continue;
    }
    const directive = DIRECTIVES[name];
    if (directive === undefined)
      throw new TypeError(`Cannot start a program with the option ${name}: it has none such`);
    lines.push(`${directive}: ${name.endsWith("Ms") ? `"${String(value)}ms"` : String(value)}`);
  }
  return lines.join("\n");
}
