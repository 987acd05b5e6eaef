import { MemoryStore } from "./memory-store.ts";
import { storeCompliance } from "./testing/store-compliance.ts";

storeCompliance("MemoryStore", { open: async (clock) => new MemoryStore(clock), countsAsFile: false });
