// For those who write a store: the tests that it must pass, and the model that it must agree with.

export { assertMessage, assertSame, assertTotals, FILTERS } from "./check-stream.ts";
export { type PlainDraft, type PlainMessage, PlainStream, plainMatch } from "./plain-stream.ts";
export { agreesWithModel, storeCompliance } from "./store-compliance.ts";
export type { StoreUnderTest } from "./under-test.ts";
