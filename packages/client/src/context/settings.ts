// What environment variables and context files say, made into options of `connect`.

import { type Authenticator, tokenAuthenticator, usernamePasswordAuthenticator } from "../auth/authenticator.ts";
import { credsFileAuthenticator, jwtAuthenticator, nkeyFileAuthenticator } from "../auth/authenticators-node.ts";
import { expandPath } from "../auth/files-node.ts";
import type { ConnectionOptions, TlsOptions } from "../options.ts";

/** Settings of the `nats` tools, by what they mean. Paths may hold `~` and `$VAR`. */
export interface Settings {
  /** URLs, also a comma list. */
  url?: string;
  user?: string;
  password?: string;
  token?: string;
  /** Path of a credentials file. */
  creds?: string;
  /** Path of a file with a seed. */
  nkey?: string;
  userJwt?: string;
  userSeed?: string;
  cert?: string;
  key?: string;
  ca?: string;
  tlsFirst?: boolean;
  inboxPrefix?: string;
  timeoutMs?: number;
}

/** Makes options of settings. Of several credentials the first counts, in the order of the tools. */
export function settingsToOptions(settings: Settings): ConnectionOptions {
  const options: ConnectionOptions = {};
  if (settings.url !== undefined) options.servers = settings.url;
  if (settings.inboxPrefix !== undefined) options.inboxPrefix = settings.inboxPrefix;
  if (settings.timeoutMs !== undefined) {
    options.timeout = settings.timeoutMs;
    options.requestTimeout = settings.timeoutMs;
  }
  const authenticator = authenticatorOf(settings);
  if (authenticator !== null) options.authenticator = authenticator;
  const tls: TlsOptions = {};
  if (settings.cert !== undefined) tls.certFile = expandPath(settings.cert);
  if (settings.key !== undefined) tls.keyFile = expandPath(settings.key);
  if (settings.ca !== undefined) tls.caFile = expandPath(settings.ca);
  if (settings.tlsFirst === true) tls.handshakeFirst = true;
  if (Object.keys(tls).length > 0) options.tls = tls;
  return options;
}

function authenticatorOf(settings: Settings): Authenticator | null {
  const { user, password, token, creds, nkey, userJwt, userSeed } = settings;
  if (user !== undefined && password === undefined) return tokenAuthenticator(user); // as the tools read it
  if (user !== undefined) return usernamePasswordAuthenticator(user, password);
  if (token !== undefined) return tokenAuthenticator(token);
  if (creds !== undefined) return credsFileAuthenticator(creds);
  if (nkey !== undefined) return nkeyFileAuthenticator(nkey);
  if (userJwt === undefined) return null;
  return jwtAuthenticator(userJwt, userSeed === undefined ? undefined : () => new TextEncoder().encode(userSeed));
}
