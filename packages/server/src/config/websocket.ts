// Reads the `websocket` block, and checks it as a whole when the file is read: users of other blocks count.

import { parseAdvertised } from "../address.ts";
import { identityOf } from "../auth/users.ts";
import type { WebSocketOptions } from "../websocket-options.ts";
import { DEFAULT_WEBSOCKET_OPTIONS, problemOfWebSocket } from "../websocket-options.ts";
import type { Problems } from "./problem.ts";
import {
  badValue,
  booleanOf,
  readAuthTimeout,
  readDuration,
  readListen,
  readPort,
  stringOf,
  wholeNumber,
} from "./readers.ts";
import type { Setter } from "./setters.ts";
import type { SettingsDraft } from "./settings.ts";
import { readTls } from "./tls.ts";
import { kindText, type MapValue } from "./value.ts";

type OptionOf<T> = {
  [Name in keyof WebSocketOptions]: T extends WebSocketOptions[Name] ? Name : never;
}[keyof WebSocketOptions];

/** By the path of the directive. */
export const WEBSOCKET_SETTERS: Readonly<Record<string, Setter>> = {
  websocket: ({ entry, draft }) => {
    if (draft.options.webSocket !== undefined) draft.origins.set("webSocket", entry.keySpan);
  },
  "websocket.listen": ({ entry, draft, problems }) => {
    const address = readListen(entry, problems);
    if (address === null) return;
    draft.webSocket("host", address.host, entry.value.span);
    draft.webSocket("port", address.port, entry.value.span);
  },
  "websocket.port": ({ entry, draft, problems }) => {
    const port = readPort(entry, wholeNumber(entry.value), problems);
    if (port !== null) draft.webSocket("port", port, entry.value.span);
  },
  "websocket.host": text("host"),
  "websocket.advertise": ({ entry, problems }) => {
    const advertised = stringOf(entry.value);
    if (advertised === "") return;
    if (parseAdvertised(advertised, 0) === null) {
      const problem = `could not parse address string ${JSON.stringify(advertised)}`;
      badValue(problems, entry, problem, "give host or host:port");
      return;
    }
    const notice = `"${entry.key}" has no effect without a cluster, which is not supported yet`;
    problems.notice("NOT_SUPPORTED", notice, entry.keySpan);
  },
  "websocket.no_tls": flag("noTls"),
  "websocket.tls": (setting) => {
    const tls = readTls(setting, "listener");
    if (tls !== null) setting.draft.webSocket("tls", tls, setting.entry.keySpan);
  },
  "websocket.same_origin": flag("sameOrigin"),
  "websocket.compress": flag("compression"),
  "websocket.allowed_origins": ({ entry, draft, problems }) => {
    const { value } = entry;
    const items = value.kind === "array" ? value.items : [value];
    const origins: string[] = [];
    for (const item of items) {
      if (item.kind === "string") origins.push(item.value);
      else if (item.kind !== "broken") {
        const problem = `error parsing allowed origins: unsupported type in array: ${kindText(item)}`;
        problems.error("BAD_VALUE", problem, item.span, "put it into quotes");
      }
    }
    draft.webSocket("allowedOrigins", origins, value.span);
  },
  "websocket.handshake_timeout": ({ entry, draft, problems }) => {
    // Here a number of seconds is no old form.
    const { key, value } = entry;
    const ms = value.kind === "integer" ? wholeNumber(value) * 1000 : readDuration(entry, problems);
    if (ms === null) return;
    if (ms < 0 || ms > Number.MAX_SAFE_INTEGER) badValue(problems, entry, `${key} must be a positive duration`);
    else if (ms > 0) draft.webSocket("handshakeTimeoutMs", ms, value.span);
  },
  "websocket.authorization": ({ entry, draft, problems }) => {
    const { pass, token, user } = draft.options.webSocket ?? {};
    if (token != null && user != null) {
      problems.error("CONFLICT", "Cannot have a user/pass and token", entry.keySpan, "take out one of the two");
    } else if (pass != null && user == null) {
      // The reference takes it, and who may come in is then the server's affair; who set a password did not mean that.
      const text = "a password without a user would not be asked for";
      problems.error(
        "CONFLICT",
        text,
        draft.webSocketOrigins.get("pass") ?? entry.keySpan,
        "add a user, or use a token",
      );
    }
  },
  "websocket.authorization.user": text("user"),
  "websocket.authorization.pass": text("pass"),
  "websocket.authorization.token": text("token"),
  "websocket.authorization.timeout": ({ entry, draft, problems }) => {
    const ms = readAuthTimeout(entry, problems);
    if (ms !== null && ms > 0) draft.webSocket("authTimeoutMs", ms, entry.value.span);
  },
  "websocket.no_auth_user": text("noAuthUser"),
  "websocket.jwt_cookie": ({ entry, draft }) => {
    const name = stringOf(entry.value);
    if (name !== "") draft.webSocketJwtCookie = { name, span: entry.value.span };
  },
  "websocket.user_cookie": text("userCookie"),
  "websocket.pass_cookie": text("passCookie"),
  "websocket.token_cookie": text("tokenCookie"),
  "websocket.headers": ({ entry, draft, problems }) => {
    const headers: Record<string, string> = {};
    for (const { key, value } of (entry.value as MapValue).entries.values()) {
      if (value.kind === "string") headers[key] = value.value;
      else if (value.kind !== "broken") {
        const problem = `error parsing header key ${key}: unsupported type: ${kindText(value)}`;
        problems.error("BAD_VALUE", problem, value.span, "put it into quotes");
      }
    }
    draft.webSocket("headers", headers, entry.value.span);
  },
  "websocket.ping_interval": ({ entry, draft, problems }) => {
    const ms = readDuration(entry, problems);
    if (ms !== null && ms > 0) draft.webSocket("pingIntervalMs", ms, entry.value.span);
  },
};

function text(name: OptionOf<string>): Setter {
  return ({ entry, draft }) => {
    const value = stringOf(entry.value);
    if (value !== "") draft.webSocket(name, value, entry.value.span);
  };
}

function flag(name: OptionOf<boolean>): Setter {
  return ({ entry, draft }) => draft.webSocket(name, booleanOf(entry.value), entry.value.span);
}

const HINTS: Readonly<Partial<Record<keyof WebSocketOptions, string>>> = {
  noTls: "without TLS everybody on the way can read along; no_tls: true says that this is meant",
  allowedOrigins: 'origins look like "https://example.com" or "http://localhost:8080"',
  noAuthUser: "add the user",
  headers: "take it out",
};

/**
 * Checks the block once the whole file is read. Without a port nothing listens and, as in the reference, nothing in it is wrong;
 * what could not be used is left out then.
 */
export function checkWebSocket(draft: SettingsDraft, problems: Problems): void {
  const given = draft.options.webSocket;
  if (given === undefined) return;
  const options = { ...DEFAULT_WEBSOCKET_OPTIONS, ...given } as WebSocketOptions;
  const { users = [] } = draft.options;
  const listens = options.port !== 0;
  const jwtCookie = draft.webSocketJwtCookie;
  if (listens && jwtCookie !== null) {
    const quoted = JSON.stringify(jwtCookie.name);
    const text = `trusted operators or trusted keys configuration is required for JWT authentication via cookie ${quoted}`;
    problems.error("CONFLICT", text, jwtCookie.span, "operators are not supported yet");
  }
  const identities = users.map(identityOf);
  const problem = problemOfWebSocket(options, identities);
  if (problem === null) return;
  const span = draft.webSocketOrigins.get(problem.option) ?? draft.origins.get("webSocket") ?? null;
  if (listens) {
    problems.error("CONFLICT", problem.text, span, HINTS[problem.option] ?? null);
    return;
  }
  delete draft.options.webSocket;
  problems.notice("NOT_SUPPORTED", `websocket has no port and is left out: ${problem.text}`, span);
}
