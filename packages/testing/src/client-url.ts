// URLs with credentials in them, as NATS clients take them: nats://user:pass@host:port, nats://token@host:port.

/** Who a client is. */
export type Credentials =
  | { readonly user: string; readonly pass: string }
  /** In place of user and password. */
  | { readonly token: string };

/** Puts credentials into a URL; characters that mean something in URLs are escaped. */
export function urlWithCredentials(url: string, credentials: Credentials | null): string {
  if (credentials === null) return url;
  const [scheme, rest] = url.split("://") as [string, string];
  const userInfo =
    "token" in credentials
      ? encodeURIComponent(credentials.token)
      : `${encodeURIComponent(credentials.user)}:${encodeURIComponent(credentials.pass)}`;
  return `${scheme}://${userInfo}@${rest}`;
}

/** The credentials that a server's own options ask for; null when they ask for none. */
export function ownCredentials(options: {
  readonly user?: string | null | undefined;
  readonly pass?: string | null | undefined;
  readonly token?: string | null | undefined;
}): Credentials | null {
  if (options.user) return { user: options.user, pass: options.pass ?? "" };
  return options.token ? { token: options.token } : null;
}
