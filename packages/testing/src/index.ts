// Real NATS servers for tests.

export {
  type Direction,
  type Duration,
  type Fault,
  Faults,
  SimClock,
  TestClock,
  TestClockError,
} from "@myelin/platform/sim";
export { type CertificateRequest, type NameAttribute, TestAuthority, type TestCertificate } from "./certificates.ts";
export { type ChildOptions, ChildServer } from "./child/child-server.ts";
export type { Credentials } from "./client-url.ts";
export { NotSupportedError, ServerStartError, WaitTimeoutError } from "./errors.ts";
export { FaultProxy, type ProxyTarget } from "./fault-proxy.ts";
export { type InProcessOptions, InProcessServer } from "./in-process-server.ts";
export type { OcspAnswerRequest } from "./ocsp-answer.ts";
export { RawClient } from "./raw-client.ts";
export type { ServerPorts } from "./server-ports.ts";
export { createCluster, makeServer, SERVER_VARIABLE, type StartOptions, startServer } from "./start-server.ts";
export type { CommonOptions, ServerSignal, TestServer } from "./test-server.ts";
export { type Hooks, useServer } from "./use-server.ts";
export { type Truthy, type WaitOptions, waitFor } from "./wait-for.ts";
