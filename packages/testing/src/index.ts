// Real NATS servers for tests.

export { NotSupportedError, ServerStartError, WaitTimeoutError } from "./errors.ts";
export { RawClient } from "./raw-client.ts";
export { type Truthy, type WaitOptions, waitFor } from "./wait-for.ts";
