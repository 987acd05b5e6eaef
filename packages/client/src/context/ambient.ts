// Options from where a person has set them: environment variables and the selected context.

import type { ConnectionOptions } from "../options.ts";
import { type ContextJetStream, type NatsContext, readContext } from "./context-file-node.ts";
import { environmentSettings } from "./environment.ts";
import { type Settings, settingsToOptions } from "./settings.ts";

/** What to look at. */
export interface AmbientOptions {
  /** A context by name; true: $NATS_CONTEXT or the selected one, if there is one. False, the default: none. */
  context?: string | boolean;
  /** False: environment variables are not looked at. */
  environment?: boolean;
  /** The variables; the process's unless told otherwise. */
  env?: Readonly<Record<string, string | undefined>>;
}

/** What was found. */
export interface Ambient {
  /** For `connect`, to be spread under options of your own. */
  readonly options: ConnectionOptions;
  readonly context: string | null;
  readonly jetstream: ContextJetStream;
}

const CREDENTIALS = ["user", "password", "token", "creds", "nkey", "userJwt", "userSeed"] as const;

/**
 * Looks for settings: a context, and over it the environment.
 *
 * @example
 * const { options } = await ambientOptions({ context: true });
 * const nc = await connect({ ...options, name: "my service" });
 */
export async function ambientOptions(ask: AmbientOptions = {}): Promise<Ambient> {
  const env = ask.env ?? process.env;
  const wanted = ask.context ?? false;
  let context: NatsContext | null = null;
  if (wanted !== false) context = await readContext(typeof wanted === "string" ? wanted : undefined, env);
  const fromEnvironment = ask.environment === false ? {} : environmentSettings(env);
  const base: Settings = { ...context?.settings };
  // Credentials of the environment take the place of the context's as a whole: a user here and a token there make no sense.
  if (CREDENTIALS.some((name) => fromEnvironment[name] !== undefined))
    for (const name of CREDENTIALS) delete base[name];
  const options = settingsToOptions({ ...base, ...fromEnvironment });
  return { options, context: context?.name ?? null, jetstream: context?.jetstream ?? {} };
}
