// What a client shows to be let in: functions that give it, asked again at each connect.

/** Nothing to show. */
export type NoAuth = void;

/** A token. */
export interface TokenAuth {
  auth_token: string;
}

/** A user, with or without a password. */
export interface UserPass {
  user: string;
  pass?: string;
}

/** A public user nkey, and the signature of the server's nonce in base64url. */
export interface NKeyAuth {
  nkey: string;
  sig: string;
}

/** A user JWT; key and signature are missing for a bearer token. */
export interface JwtAuth {
  jwt: string;
  nkey?: string;
  sig?: string;
}

/** What may be shown; several can be joined. */
export type Auth = NoAuth | TokenAuth | UserPass | NKeyAuth | JwtAuth;

/**
 * Gives the credentials for one connect; may ask a key service and answer later.
 *
 * @param nonce - What the server wants signed; undefined when it asks for no signature.
 */
export type Authenticator = (nonce?: string) => Auth | Promise<Auth>;

/** Shows user and password; functions are asked at each connect. */
export function usernamePasswordAuthenticator(
  user: string | (() => string | Promise<string>),
  pass?: string | (() => string | Promise<string>),
): Authenticator {
  return async () => {
    const shown: UserPass = { user: await valueOf(user) };
    if (pass !== undefined) shown.pass = await valueOf(pass);
    return shown;
  };
}

/** Shows a token; a function is asked at each connect. */
export function tokenAuthenticator(token: string | (() => string | Promise<string>)): Authenticator {
  return async () => ({ auth_token: await valueOf(token) });
}

/** Shows what all of them give; of the same field the last one counts. */
export function multiAuthenticator(authenticators: readonly Authenticator[]): Authenticator {
  return async (nonce) => {
    let shown: Record<string, unknown> = {};
    for (const authenticator of authenticators) shown = { ...shown, ...(await authenticator(nonce)) };
    return shown as unknown as Auth;
  };
}

/** A value, or what a function gives. */
export async function valueOf<T>(value: T | (() => T | Promise<T>)): Promise<T> {
  return typeof value === "function" ? (value as () => T | Promise<T>)() : value;
}
