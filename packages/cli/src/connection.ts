// The one place that connects: flags to the client's options, and what happens to the connection to stderr.

import {
  ambientOptions,
  type ConnectionOptions,
  connect,
  type NatsConnection,
  PermissionViolationError,
  ProtocolError,
} from "@myelin/client";
import { CliError, errorText } from "./cli-error.ts";
import { checkGlobalOptions, type GlobalOptions } from "./global-options.ts";
import type { Output } from "./output.ts";
import { VERSION } from "./version.ts";

/** Where a server is when nothing says otherwise. */
const DEFAULT_SERVER = "nats://127.0.0.1:4222";
/** A short --timeout is meant for replies, not for the way to the server. */
const CONNECT_MS_MIN = 2_000;
/** Quicker than a program would: a person waits. */
const RECONNECT_WAIT_MS = 500;

type TextFlag =
  | "user"
  | "password"
  | "token"
  | "creds"
  | "nkey"
  | "jwt"
  | "seed"
  | "server"
  | "tlscert"
  | "tlskey"
  | "tlsca";
type Variables = ReadonlyArray<readonly [flag: TextFlag, variable: string]>;

/** Flags and the variables that say the same. A flag for credentials takes the place of all variables for them. */
const CREDENTIALS: Variables = [
  ["user", "NATS_USER"],
  ["password", "NATS_PASSWORD"],
  ["token", "NATS_TOKEN"],
  ["creds", "NATS_CREDS"],
  ["nkey", "NATS_NKEY"],
  ["jwt", "NATS_JWT"],
  ["seed", "NATS_SEED"],
];
const OTHERS: Variables = [
  ["server", "NATS_URL"],
  ["tlscert", "NATS_CERT"],
  ["tlskey", "NATS_KEY"],
  ["tlsca", "NATS_CA"],
];

/**
 * Connects as the global flags, the environment and the context say, in this order. The first connect fails at once; a
 * connection that is lost later is made anew, for ever.
 *
 * @param servers - Instead of what those say.
 * @returns Rejects with CliError, which names the servers without their credentials.
 */
export async function openConnection(
  options: GlobalOptions,
  output: Output,
  servers?: string,
): Promise<NatsConnection> {
  const given = await connectionOptions(options, output);
  const tried = servers ?? String(given.servers);
  let connection: NatsConnection;
  try {
    connection = await connect({ ...given, servers: tried });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new CliError(`cannot connect to ${withoutSecrets(tried)}: ${problem}; ${advice(error)}`);
  }
  tellStatus(connection, options, output);
  return connection;
}

/** The servers that would be connected to, as a comma list. May hold credentials. */
export async function serversOf(options: GlobalOptions, output: Output): Promise<string> {
  return String((await connectionOptions(options, output)).servers);
}

/**
 * Waits until the server has dealt with everything sent, and reports what it refused.
 *
 * @returns Rejects with the error that the server sent, which no call of ours could throw.
 */
export async function settle(connection: NatsConnection, options: GlobalOptions): Promise<void> {
  await connection.flush({ timeout: options.timeout });
  const { lastError } = connection;
  // Connections that were lost meanwhile are back: only what the server said of our operations counts.
  if (lastError instanceof PermissionViolationError || lastError instanceof ProtocolError) throw lastError;
}

/** URLs as they may be shown: user, password and token of each are left out. */
export function withoutSecrets(servers: string): string {
  return servers.replace(/((?:^|,)\s*(?:[a-z]+:\/\/)?)[^@,/]*@/gi, "$1***@");
}

async function connectionOptions(options: GlobalOptions, output: Output): Promise<ConnectionOptions> {
  checkGlobalOptions(options as unknown as Readonly<Record<string, unknown>>);
  const { connectionName, context = true, inboxPrefix, timeout, tlsfirst } = options;
  const ambient = await ambientOptions({ context, env: environmentOf(options) });
  const log = (text: string): void => output.log(`>>> ${text}`);
  const given: ConnectionOptions = {
    servers: DEFAULT_SERVER,
    ...ambient.options,
    name: connectionName?.trim() || `Myelin CLI Version ${VERSION}`,
    timeout: Math.max(CONNECT_MS_MIN, timeout),
    requestTimeout: Math.max(1, timeout),
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    logger: { debug: log, info: () => {}, warn: log, error: log },
  };
  if (inboxPrefix !== undefined && inboxPrefix !== "") given.inboxPrefix = inboxPrefix;
  if (tlsfirst === true) given.tls = { ...given.tls, handshakeFirst: true };
  return given;
}

/** The environment as it were if every flag had been given there: flags go before variables, those before the context. */
function environmentOf(options: GlobalOptions): Record<string, string | undefined> {
  const env: Record<string, string | undefined> = { ...process.env };
  // Ours, and read already: it knows more units.
  delete env["NATS_TIMEOUT"];
  if (CREDENTIALS.some(([flag]) => options[flag] !== undefined)) {
    for (const [, variable] of CREDENTIALS) delete env[variable];
  }
  for (const [flag, variable] of [...CREDENTIALS, ...OTHERS]) {
    if (options[flag] !== undefined) env[variable] = options[flag];
  }
  const isSet = (variable: string): boolean => (env[variable] ?? "") !== "";
  if (isSet("NATS_PASSWORD") && !isSet("NATS_USER")) throw new CliError("--password needs --user (NATS_USER)");
  if (isSet("NATS_CERT") !== isSet("NATS_KEY")) {
    throw new CliError("--tlscert and --tlskey belong together (NATS_CERT, NATS_KEY): one of them is missing");
  }
  return env;
}

function advice(error: unknown): string {
  switch ((error as { code?: unknown }).code) {
    case "ERR_NATS_AUTHORIZATION":
      return "check --user and --password, --token, --creds or --nkey";
    case "ERR_NATS_INVALID_ARGUMENT":
      return "write servers as nats://host:port";
    case "ERR_NATS_TLS":
    case "ERR_NATS_SECURE_REQUIRED":
      return "check --tlsca, --tlscert and --tlskey";
    default:
      return "is a server running there? `myelin server` starts one, --server names another";
  }
}

function tellStatus(connection: NatsConnection, { trace }: GlobalOptions, output: Output): void {
  const tell = (text: string): void => output.log(`>>> ${text}`);
  connection.on("disconnect", ({ error }) => {
    if (connection.isClosed() || connection.isDraining()) return;
    tell(`Disconnected due to: ${error === undefined ? "EOF" : errorText(error)}, will attempt reconnect`);
  });
  if (trace !== true) {
    // Somebody listens, so that the client does not print it as well: commands ask for lastError.
    connection.on("error", () => {});
    return;
  }
  tell(`Connected to ${connection.getServer()}`);
  connection.on("reconnect", ({ server }) => tell(`Reconnected to ${server}`));
  connection.on("reconnectFailed", ({ server, error }) => tell(`Reconnect to ${server} failed: ${errorText(error)}`));
  connection.on("update", () => {
    const known = connection.getServers().map(({ listen }) => listen);
    tell(`Discovered new servers, known servers are now ${known.join(", ")}`);
  });
  connection.on("error", ({ error }) => tell(`Unexpected NATS error: ${errorText(error)}`));
}
