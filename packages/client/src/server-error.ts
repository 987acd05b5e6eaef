// Reads the text of `-ERR '...'`. The server's words are the only thing there is to go by; case does not matter.

import {
  AuthorizationError,
  MaxConnectionsError,
  MaxSubscriptionsError,
  type NatsError,
  PermissionViolationError,
  ProtocolError,
  StaleConnectionError,
  UserAuthenticationExpiredError,
} from "./errors.ts";

/** What the client does about an error from the server. */
export type ServerErrorEffect =
  /** Nothing is lost: tell it, and end the subscription it is about. */
  | "report"
  /** The credentials were refused: the same one twice in a row ends reconnecting. */
  | "auth"
  /** The connection is lost: reconnect. */
  | "reconnect";

const PERMISSION = /^permissions violation for (publish|subscription) to "([^"]*)"(?: using queue "([^"]*)")?/i;

/** Makes the error that a server's text stands for. */
export function parseServerError(text: string): { error: NatsError; effect: ServerErrorEffect } {
  const lower = text.toLowerCase();
  if (lower.startsWith("permissions violation")) return { error: permissionError(text), effect: "report" };
  if (lower.includes("user authentication expired")) {
    return { error: new UserAuthenticationExpiredError(text), effect: "auth" };
  }
  if (lower.includes("user authentication revoked")) return auth(text, "ERR_NATS_AUTH_REVOKED");
  if (lower.includes("account authentication expired")) return auth(text, "ERR_NATS_ACCOUNT_AUTH_EXPIRED");
  if (lower.includes("authentication timeout")) return auth(text, "ERR_NATS_AUTHENTICATION_TIMEOUT");
  if (lower.includes("authorization violation")) return auth(text, "ERR_NATS_AUTHORIZATION");
  if (lower.includes("stale connection")) return { error: new StaleConnectionError(text), effect: "reconnect" };
  if (lower.includes("maximum connections exceeded")) {
    return { error: new MaxConnectionsError(text, false), effect: "reconnect" };
  }
  if (lower.includes("maximum account active connections exceeded")) {
    return { error: new MaxConnectionsError(text, true), effect: "reconnect" };
  }
  if (lower.includes("maximum subscriptions exceeded")) {
    return { error: new MaxSubscriptionsError(text), effect: "report" };
  }
  // The server closes the connection itself where it must; until then it can be used.
  return { error: new ProtocolError(text), effect: "report" };
}

function auth(
  text: string,
  code:
    | "ERR_NATS_AUTHORIZATION"
    | "ERR_NATS_AUTH_REVOKED"
    | "ERR_NATS_ACCOUNT_AUTH_EXPIRED"
    | "ERR_NATS_AUTHENTICATION_TIMEOUT",
): { error: NatsError; effect: ServerErrorEffect } {
  return { error: new AuthorizationError(text, undefined, code), effect: "auth" };
}

function permissionError(text: string): NatsError {
  const parts = PERMISSION.exec(text);
  if (parts === null) return new ProtocolError(text, undefined, "ERR_NATS_PERMISSION_VIOLATION");
  const operation = (parts[1] as string).toLowerCase() === "publish" ? "publish" : "subscription";
  return new PermissionViolationError(text, operation, parts[2] as string, parts[3]);
}
