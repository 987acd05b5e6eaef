// What tools may listen to, through node:diagnostics_channel. Nothing is made or copied while nobody listens.
//
//   myelin:client:publish   { connection, subject, reply, size }       a message is about to be encoded
//   myelin:client:deliver   { connection, subscription, msg }          a message is about to be handed over
//   myelin:client:request   { connection, subject, durationMs, error } a request has been answered or has failed
//   myelin:client:connect   { connection, status }                     each status of the connection but pings

/** The part of a channel of node:diagnostics_channel that is used. */
export interface DiagnosticChannel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

/** The client's channels. */
export interface Diagnostics {
  readonly publish: DiagnosticChannel;
  readonly deliver: DiagnosticChannel;
  readonly request: DiagnosticChannel;
  readonly connect: DiagnosticChannel;
}

const UNHEARD: DiagnosticChannel = { hasSubscribers: false, publish: () => {} };

/** For platforms without diagnostics channels. */
export const NO_DIAGNOSTICS: Diagnostics = { publish: UNHEARD, deliver: UNHEARD, request: UNHEARD, connect: UNHEARD };
