// The environment variables of the `nats` tools.

import { InvalidArgumentError } from "../errors.ts";
import type { Settings } from "./settings.ts";

const TEXTS = {
  url: "NATS_URL",
  user: "NATS_USER",
  password: "NATS_PASSWORD",
  token: "NATS_TOKEN",
  creds: "NATS_CREDS",
  nkey: "NATS_NKEY",
  userJwt: "NATS_JWT",
  userSeed: "NATS_SEED",
  cert: "NATS_CERT",
  key: "NATS_KEY",
  ca: "NATS_CA",
} as const;

/**
 * Reads the variables that are set and not empty.
 *
 * @throws InvalidArgumentError for a NATS_TIMEOUT that is no duration, and for NATS_SOCKS_PROXY, which is not supported.
 */
export function environmentSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const settings: Settings = {};
  for (const [name, variable] of Object.entries(TEXTS) as Array<[keyof typeof TEXTS, string]>) {
    const value = env[variable];
    if (value !== undefined && value !== "") settings[name] = value;
  }
  const timeout = env["NATS_TIMEOUT"];
  if (timeout !== undefined && timeout !== "") settings.timeoutMs = parseDuration(timeout);
  if (env["NATS_SOCKS_PROXY"]) {
    throw new InvalidArgumentError(
      "NATS_SOCKS_PROXY is not supported: give connect() a 'dialer' that goes through the proxy",
    );
  }
  return settings;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const DURATION_CHARS_MAX = 100;

/** Milliseconds of a duration as Go writes it: `5s`, `1m30s`, `250ms`. */
export function parseDuration(text: string): number {
  // Longer ones mean nothing, and take quadratic time to find that out.
  const parts = text.length > DURATION_CHARS_MAX ? [] : [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([all]) => all).join("") !== text) {
    throw new InvalidArgumentError(`'${text}' is no duration: write it as 5s, 1m30s or 250ms`);
  }
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit as string] as number), 0);
}
