// The flags that every command has: where to connect, and as whom. Names and environment variables are natscli's.

import { type Command, Option } from "commander";
import { argument } from "./argument.ts";
import { NotSupportedError } from "./cli-error.ts";
import { parseDuration } from "./duration.ts";

/** What the global flags say, as commander gives it. */
export interface GlobalOptions {
  readonly server?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly creds?: string;
  readonly nkey?: string;
  readonly jwt?: string;
  readonly seed?: string;
  readonly connectionName?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
  readonly tlsca?: string;
  readonly tlsfirst?: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly inboxPrefix?: string;
  /** True unless a name, or `--no-context`, was given. */
  readonly context?: string | boolean;
  readonly trace?: boolean;
}

const DEFAULT_TIMEOUT_MS = 5_000;

/** Flags of natscli that name something Myelin does not have yet. A value in the environment counts as well. */
const REFUSED: ReadonlyArray<{ flags: string; env?: string; reason: string }> = [
  { flags: "--socks-proxy <proxy>", reason: "connect directly" },
  { flags: "--js-api-prefix <prefix>", reason: "it needs JetStream" },
  { flags: "--js-event-prefix <prefix>", reason: "it needs JetStream" },
  { flags: "--js-domain <domain>", reason: "it needs JetStream" },
  { flags: "--colors <scheme>", env: "NATS_COLOR", reason: "output has no colours" },
];

/** Adds the flags to the program. */
export function addGlobalOptions(program: Command): void {
  const add = (flags: string, description: string, env?: string): void => {
    program.addOption(optionOf(flags, description, env));
  };
  add(
    "-s, --server <urls>",
    "servers to connect to, separated by commas (default: the context's, or nats://127.0.0.1:4222)",
    "NATS_URL",
  );
  // The client reads the variables of these itself: a flag takes the place of all credentials of the environment.
  add("--user <name>", "user name; without a password it is a token [NATS_USER]");
  add("--password <password>", "password of the user [NATS_PASSWORD]");
  add("--token <token>", "token [NATS_TOKEN]");
  add("--creds <file>", "file with a user's JWT and seed [NATS_CREDS]");
  add("--nkey <file>", "file with the seed of a user's NKey [NATS_NKEY]");
  add("--jwt <jwt>", "JWT of a user [NATS_JWT]");
  add("--seed <seed>", "seed that belongs to --jwt [NATS_SEED]");
  add("--connection-name <name>", "how monitoring shows this connection");
  add("--tlscert <file>", "certificate to show to the server [NATS_CERT]");
  add("--tlskey <file>", "key of that certificate [NATS_KEY]");
  add("--tlsca <file>", "certificates of the authorities to trust [NATS_CA]");
  add("--tlsfirst", "begin with TLS, before the server says anything");
  program.addOption(
    optionOf("--timeout <duration>", "how long to wait for the server, and for replies", "NATS_TIMEOUT")
      .argParser(argument(parseDuration))
      .default(DEFAULT_TIMEOUT_MS, "5s"),
  );
  add("--inbox-prefix <prefix>", "what subjects for replies begin with");
  add("--context <name>", "context to take the connection from, in place of the selected one [NATS_CONTEXT]");
  add("--no-context", "take nothing from the selected context");
  add("--trace", "tell what happens to the connection");
  for (const { flags, env } of REFUSED) program.addOption(optionOf(flags, "", env).hideHelp());
}

function optionOf(flags: string, description: string, env: string | undefined): Option {
  const option = new Option(flags, description);
  return env === undefined ? option : option.env(env);
}

/** @throws NotSupportedError when a flag was given that is refused. */
export function checkGlobalOptions(options: Readonly<Record<string, unknown>>): void {
  for (const { flags, env, reason } of REFUSED) {
    const value = options[new Option(flags).attributeName()];
    if (value === undefined || value === "") continue;
    const name = flags.split(" ")[0] as string;
    throw new NotSupportedError(env === undefined ? name : `${name} (or ${env})`, reason);
  }
}
