// The workloads that run the official JavaScript client against both servers, as data.

import type { Target } from "../workloads.ts";

/** What the client does; see main.ts beside this file. */
export interface ClientLoad {
  readonly kind: "publish" | "request";
  /** Connections that subscribe; for requests: that answer, as one queue group. */
  readonly subscribers: number;
  readonly payloadBytes: number;
  /** Requests under way; not used for publishing. */
  readonly outstanding: number;
}

export interface ClientWorkload {
  readonly name: string;
  readonly group: string;
  readonly load: ClientLoad;
  readonly count: number;
  readonly target: Target | null;
}

const KIB = 1024;
const PUBLISH = "Official client: publish and subscribe";
const REQUEST = "Official client: request and reply";

function publish(name: string, subscribers: number, payloadBytes: number, count: number): ClientWorkload {
  const load: ClientLoad = { kind: "publish", subscribers, payloadBytes, outstanding: 0 };
  return { name, group: PUBLISH, load, count, target: null };
}

function request(name: string, outstanding: number, count: number): ClientWorkload {
  const load: ClientLoad = { kind: "request", subscribers: 1, payloadBytes: 16, outstanding };
  return { name, group: REQUEST, load, count, target: null };
}

/** The workloads in the order in which they run. */
export const CLIENT_JS_WORKLOADS: readonly ClientWorkload[] = [
  publish("client-publish-128", 0, 128, 2_000_000),
  publish("client-one-to-one-16", 1, 16, 1_000_000),
  publish("client-one-to-one-128", 1, 128, 1_000_000),
  publish("client-one-to-one-1k", 1, KIB, 500_000),
  publish("client-fan-out-10-128", 10, 128, 150_000),
  request("client-request-1", 1, 15_000),
  request("client-request-64", 64, 100_000),
];
