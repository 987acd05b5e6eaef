// The directives of operator mode.

import { type Block, defineBlock } from "./directive.ts";

/** `resolver` */
export const RESOLVER: Block = defineBlock("resolver", "operator mode", [
  ["dir", "string", "Folder of the account JWTs"],
  ["type", "string", "full, cache, memory or url"],
  ["allow_delete", "boolean", "Accounts may be deleted; type full"],
  ["hard_delete", "boolean", "Deleted account JWTs are removed, not renamed; type full"],
  ["limit", "integer", "Account JWTs that are kept"],
  ["ttl", "duration", "How long an account JWT is kept; type cache"],
  ["interval", "duration", "Time between synchronisations; type full (1m)"],
  ["timeout", "duration", "Time for fetching a JWT (1.9s)"],
]);
