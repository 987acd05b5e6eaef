// From an address to a session that the server has accepted: dial, INFO, TLS, CONNECT and PING, PONG.
//
//   client                      server
//     (TLS first) ◄──────────►
//     ◄─────────────────────────  INFO {...}
//     TLS, when either side wants it ◄──►
//     CONNECT {...} PING ───────►
//     ◄─────────────────────────  PONG, or -ERR
//
// Nothing of the user's goes out before TLS stands where it was asked for.

import {
  type Authenticator,
  multiAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "../auth/authenticator.ts";
import { type Deferred, deferred, handled } from "../deferred.ts";
import {
  AuthorizationError,
  ConnectionError,
  DisconnectedError,
  NatsError,
  ProtocolError,
  TimeoutError,
  TlsError,
} from "../errors.ts";
import type { CompleteOptions } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import type { ServerInfo } from "../server-info.ts";
import { isIpAddress, type ServerAddress } from "../servers/address.ts";
import type { DialOptions, Link } from "../transport/dialer.ts";
import { LANG, version } from "../version.ts";
import { Session, type SessionOwner } from "./session.ts";

/** What a handshake needs to know. */
export interface HandshakeContext {
  readonly runtime: Runtime;
  readonly options: CompleteOptions;
  /** Some server of the pool was given as `tls://` or `wss://`: all of them must be secure. */
  readonly poolSecure: boolean;
  readonly trace: SessionOwner["trace"];
  /** Opens a link by other means than the runtime's dialer: in process, or a dialer of the user's. */
  readonly openLink: ((address: ServerAddress, host: string, signal: AbortSignal) => Promise<Link>) | null;
}

/**
 * Connects to one server, trying each address that its name has.
 *
 * @throws The error of the last address; an authorization error at once.
 */
export async function connectTo(
  context: HandshakeContext,
  address: ServerAddress,
  signal: AbortSignal,
): Promise<Session> {
  const { timeout } = context.options;
  const hosts = await withDeadline(context, address, timeout, signal, () => resolveHosts(context, address), nothing);
  const timeoutMs = Math.max(1, Math.floor(timeout / hosts.length));
  let lastError: unknown;
  for (const host of hosts) {
    try {
      const attempt = (inner: AbortSignal): Promise<Session> => handshake(context, address, host, inner);
      return await withDeadline(context, address, timeoutMs, signal, attempt, (late) => late.destroy(null));
    } catch (error) {
      if (signal.aborted || error instanceof AuthorizationError) throw error;
      lastError = error;
    }
  }
  throw lastError;
}

async function resolveHosts(context: HandshakeContext, address: ServerAddress): Promise<string[]> {
  const { runtime, options } = context;
  const isWeb = address.scheme === "ws" || address.scheme === "wss";
  const asIs = isWeb || options.resolve === false || context.openLink !== null || isIpAddress(address.hostname);
  if (asIs || runtime.resolveHost === null) return [address.hostname];
  let hosts: string[];
  try {
    hosts = await runtime.resolveHost(address.hostname);
  } catch (cause) {
    throw new ConnectionError(`Cannot resolve the host name '${address.hostname}'`, { cause }, "ERR_NATS_TRANSPORT");
  }
  if (hosts.length === 0) return [address.hostname];
  if (options.noRandomize !== true) {
    for (let i = hosts.length - 1; i > 0; i--) {
      const other = runtime.random.uint32() % (i + 1);
      [hosts[i], hosts[other]] = [hosts[other] as string, hosts[i] as string];
    }
  }
  return hosts;
}

/**
 * Runs `attempt` with a signal that is aborted after `timeoutMs` or with the outer one, and does not wait for it longer than
 * that: name servers, dialers and authenticators may not know of the signal.
 *
 * @param discard - Takes what comes too late.
 */
async function withDeadline<T>(
  context: HandshakeContext,
  address: ServerAddress,
  timeoutMs: number,
  outer: AbortSignal,
  attempt: (signal: AbortSignal) => Promise<T>,
  discard: (late: T) => void,
): Promise<T> {
  const controller = new AbortController();
  const gaveUp: Deferred<never> = deferred();
  handled(gaveUp);
  controller.signal.addEventListener("abort", () => gaveUp.reject(controller.signal.reason as Error), { once: true });
  const aborted = (): void => controller.abort(outer.reason);
  outer.addEventListener("abort", aborted, { once: true });
  const timer = context.runtime.clock.setTimer(
    timeoutMs,
    () =>
      controller.abort(
        new TimeoutError(
          undefined,
          `connect timeout: ${address.listen} did not finish within ${timeoutMs} ms`,
          "ERR_NATS_CONNECT_TIMEOUT",
        ),
      ),
    true,
  );
  try {
    if (outer.aborted) throw outer.reason;
    const running = attempt(controller.signal);
    running.then((late) => controller.signal.aborted && discard(late), nothing);
    return await Promise.race([running, gaveUp]);
  } finally {
    timer.cancel();
    outer.removeEventListener("abort", aborted);
  }
}

function nothing(): void {}

/** A server packs what waits into one frame: a message of the largest size, and others before it. */
const FRAME_BYTES_MORE = 1024 * 1024;

async function handshake(
  context: HandshakeContext,
  address: ServerAddress,
  host: string,
  signal: AbortSignal,
): Promise<Session> {
  const link = await openLink(context, address, host, signal);
  let session = new Session(context.runtime, link, context.options.messageBytesMax);
  const aborted = (): void => session.destroy(signal.reason as Error);
  signal.addEventListener("abort", aborted, { once: true });
  try {
    if (signal.aborted) throw signal.reason;
    session.open(context.trace);
    const info = await session.firstInfo();
    checkInfo(context.options, info);
    if (needsTls(context, address, info, session.link)) {
      session = await upgrade(context, address, session, signal);
      session.serverInfo = info;
    }
    const line = await connectLine(context, address, info, session.link);
    if (signal.aborted) throw signal.reason;
    const accepted = session.expectPong(); // a stream of a custom dialer may answer while it is written to
    session.sendEarly(line);
    await accepted;
    return session;
  } catch (error) {
    const reason = signal.aborted ? signal.reason : error;
    session.destroy(reason as Error);
    throw handshakeError(reason, session);
  } finally {
    signal.removeEventListener("abort", aborted);
  }
}

/** What the session ended with says more than that it ended. */
function handshakeError(error: unknown, session: Session): unknown {
  if (!(error instanceof DisconnectedError)) return error;
  const failure = session.failure;
  if (failure instanceof NatsError)
    return failure === error ? new ConnectionError("The server closed the connection during the handshake") : failure;
  const text = failure === null ? "" : `: ${failure.message}`;
  return new ConnectionError(`The server closed the connection during the handshake${text}`, { cause: failure });
}

async function openLink(
  context: HandshakeContext,
  address: ServerAddress,
  host: string,
  signal: AbortSignal,
): Promise<Link> {
  const { options } = context;
  if (context.openLink !== null) return context.openLink(address, host, signal);
  const headers = options.webSocketHeaders;
  const factory = options.wsFactory;
  const dialOptions: DialOptions = {
    tls: tlsOptions(context, address),
    tlsFirst: options.tls?.handshakeFirst === true,
    webSocketHeaders: (typeof headers === "function" ? await headers() : headers) ?? {},
    webSocketCompression: options.compression === true,
    webSocketBytesMax: options.messageBytesMax + FRAME_BYTES_MORE,
    webSocketFactory:
      factory === undefined
        ? null
        : async (url) => {
            const made = await factory(url, options);
            return "socket" in made ? made : { socket: made, encrypted: url.startsWith("wss:") };
          },
    localAddress: options.localAddress ?? null,
  };
  return context.runtime.dialer.dial(address, host, dialOptions, signal);
}

/** The TLS options when TLS is required by the user, else null. */
function tlsOptions(context: HandshakeContext, address: ServerAddress) {
  const given = context.options.tls;
  if (given !== undefined && given !== null) return given;
  const secure = context.poolSecure || address.scheme === "tls" || address.scheme === "wss";
  return secure ? {} : null;
}

function checkInfo(options: CompleteOptions, info: ServerInfo): void {
  if (options.noEcho === true && info.proto < 1) {
    throw new ConnectionError(
      "server does not support 'noEcho'",
      { retryable: false },
      "ERR_NATS_NO_ECHO_NOT_SUPPORTED",
    );
  }
}

/** Whether TLS has to be started on this link now. */
function needsTls(context: HandshakeContext, address: ServerAddress, info: ServerInfo, link: Link): boolean {
  // Inside a WebSocket and inside a process there is no TLS of ours, whatever INFO says.
  if (link.secure || link.kind === "in-process") return false;
  const wanted = tlsOptions(context, address) !== null;
  if (link.kind === "websocket") {
    if (wanted)
      throw new TlsError(
        `TLS is required and '${address.listen}' is a ws:// address; use wss://`,
        "ERR_NATS_SECURE_REQUIRED",
      );
    return false;
  }
  const required = info.tls_required === true;
  if (!wanted && !required) return false;
  if (wanted && !required && info.tls_available !== true) {
    throw new TlsError(
      `TLS is required and the server ${address.listen} does not offer it`,
      "ERR_NATS_SECURE_REQUIRED",
    );
  }
  if (required && context.options.tls === null) {
    throw new TlsError(
      `The server ${address.listen} requires TLS, and the option 'tls' is null`,
      "ERR_NATS_SECURE_NOT_WANTED",
    );
  }
  if (link.startTls === undefined) {
    throw new TlsError(
      `The server ${address.listen} requires TLS, which this transport cannot start`,
      "ERR_NATS_SECURE_NOT_WANTED",
    );
  }
  return true;
}

async function upgrade(
  context: HandshakeContext,
  address: ServerAddress,
  plain: Session,
  signal: AbortSignal,
): Promise<Session> {
  plain.release();
  const link = await plain.link.startTls?.(tlsOptions(context, address) ?? {}, address.tlsName, signal);
  if (link === undefined) throw new TlsError("This transport cannot start TLS", "ERR_NATS_SECURE_NOT_WANTED");
  const session = new Session(context.runtime, link, context.options.messageBytesMax);
  if (signal.aborted) {
    link.duplex.destroy();
    throw signal.reason;
  }
  session.open(context.trace);
  return session;
}

/** CONNECT and PING. Only what is listed here is ever sent: no option leaks by being there. */
async function connectLine(
  context: HandshakeContext,
  address: ServerAddress,
  info: ServerInfo,
  link: Link,
): Promise<string> {
  const { options } = context;
  const auth = await credentials(options, address, info);
  const fields = {
    verbose: options.verbose === true,
    pedantic: options.pedantic === true,
    tls_required: link.secure && link.kind === "tcp",
    name: options.name,
    lang: LANG,
    version,
    protocol: 1,
    echo: options.noEcho !== true,
    headers: info.headers === true,
    no_responders: info.headers === true,
    user: auth["user"],
    pass: auth["pass"],
    auth_token: auth["auth_token"],
    nkey: auth["nkey"],
    jwt: auth["jwt"],
    sig: auth["sig"],
  };
  return `CONNECT ${JSON.stringify(fields)}\r\nPING\r\n`;
}

async function credentials(
  options: CompleteOptions,
  address: ServerAddress,
  info: ServerInfo,
): Promise<Record<string, unknown>> {
  const sources: Authenticator[] = [];
  const given = options.authenticator;
  if (given !== undefined) sources.push(...(Array.isArray(given) ? given : [given]));
  const url = address.credentials;
  if (url?.user !== undefined) sources.push(usernamePasswordAuthenticator(url.user, url.pass));
  else if (url?.token !== undefined) sources.push(tokenAuthenticator(url.token));
  else if (options.user !== undefined) sources.push(usernamePasswordAuthenticator(options.user, options.pass));
  else if (options.token !== undefined) sources.push(tokenAuthenticator(options.token));
  if (sources.length === 0) return {};
  let auth: Record<string, unknown>;
  try {
    auth = ((await multiAuthenticator(sources)(info.nonce)) ?? {}) as Record<string, unknown>;
  } catch (cause) {
    if (NatsError.isNatsError(cause)) throw cause;
    throw new AuthorizationError("The authenticator failed", { cause }, "ERR_NATS_AUTHENTICATOR_FAILED");
  }
  for (const [name, value] of Object.entries(auth)) {
    if (value === undefined || typeof value === "string") continue;
    throw new ProtocolError(`The authenticator gave a ${name} that is no string`);
  }
  return auth;
}
