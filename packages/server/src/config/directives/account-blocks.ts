// The directives of accounts: users, exports, imports, mappings and limits.

import { PERMISSIONS, USER } from "./auth-blocks.ts";
import { type Block, block, defineBlock, list, named } from "./directive.ts";

/** One destination of a mapping */
export const MAPPING: Block = defineBlock("mappings.<subject>[]", "subject mappings", [
  ["dest destination", "string", "Subject to send to"],
  ["weight", "string", "Share of the messages, 0 to 100"],
  ["cluster", "string", "Only in this cluster"],
]);

/** `accounts.<name>.limits` */
export const ACCOUNT_LIMITS: Block = defineBlock("accounts.<name>.limits", "accounts", [
  ["max_connections max_conn", "integer", "Open connections"],
  ["max_subscriptions max_subs", "integer", "Subscriptions"],
  ["max_payload max_pay", "integer", "Bytes of one message"],
  ["max_leafnodes max_leafs", "integer", "Leaf nodes"],
]);

/** `accounts.<name>.msg_trace` */
export const MSG_TRACE: Block = defineBlock("accounts.<name>.msg_trace", "message tracing", [
  ["dest", "string", "Subject to send to"],
  ["sampling", "string", "Share that is measured, 1 to 100"],
]);

/** `accounts.<name>.jetstream` */
export const ACCOUNT_JETSTREAM: Block = defineBlock("accounts.<name>.jetstream", "JetStream", [
  ["max_memory max_mem mem memory", "size", "Bytes in memory"],
  ["max_store max_file max_disk store disk", "size", "Bytes on disk"],
  ["max_streams streams", "integer", "Streams"],
  ["max_consumers consumers", "integer", "Consumers"],
  ["max_bytes_required max_stream_bytes max_bytes", "boolean", "Streams must have max_bytes (false)"],
  ["mem_max_stream_bytes memory_max_stream_bytes", "size", "Bytes of one stream in memory"],
  ["disk_max_stream_bytes store_max_stream_bytes", "size", "Bytes of one stream on disk"],
  ["max_ack_pending", "integer", "Largest max_ack_pending of a consumer"],
  ["cluster_traffic", "string", "Account for the traffic of replication: system or owner"],
]);

/** `accounts.<name>.exports[].latency` */
export const LATENCY: Block = defineBlock("accounts.<name>.exports[].latency", "exports and imports", [
  ["sampling", "string", "Share that is measured, or headers"],
  ["subject", "string", "Subject for the measurements"],
]);

/** `accounts.<name>.exports[]` */
export const EXPORT: Block = defineBlock("accounts.<name>.exports[]", "exports and imports", [
  ["stream", "string or block", "Subject of a stream"],
  ["service", "string or block", "Subject of a service"],
  ["response response_type", "string", "single, stream or chunked (single)"],
  ["threshold response_threshold response_max_time response_time", "string", "Time for a response (2m)"],
  ["accounts", "strings", "Accounts that may import; without it all may"],
  ["latency", "string or block", "Subject for latency measurements, or with sampling", block(LATENCY)],
  ["account_token_position", "integer", "Token that must be the importer account"],
  ["allow_trace", "boolean", "Traces of messages may cross; services (false)"],
]);

/** Where an import comes from */
export const IMPORT_SOURCE: Block = defineBlock("accounts.<name>.imports[].stream, service", "exports and imports", [
  ["account", "string", "Account name"],
  ["subject", "string", "Subject"],
]);

/** `accounts.<name>.imports[]` */
export const IMPORT: Block = defineBlock("accounts.<name>.imports[]", "exports and imports", [
  ["stream", "string or block", "Stream that is used, with its account", block(IMPORT_SOURCE)],
  ["service", "string or block", "Service that is used, with its account", block(IMPORT_SOURCE)],
  ["prefix", "string", "Prefix of the imported subjects"],
  ["to", "string", "Subject under which it is used"],
  ["share", "boolean", "Tell the exporter who asks (false)"],
  ["allow_trace", "boolean", "Traces of messages may cross; streams (false)"],
]);

/** `accounts.<name>` */
export const ACCOUNT: Block = defineBlock(
  "accounts.<name>",
  "accounts",
  [
    ["nkey", "string", "Public key"],
    ["imports", "list of blocks", "What of other accounts is used here", list(IMPORT)],
    ["exports", "list of blocks", "What other accounts may use", list(EXPORT)],
    ["jetstream", "boolean, string or block", "enabled, disabled, or limits", block(ACCOUNT_JETSTREAM)],
    ["users", "list of blocks", "Users", list(USER)],
    ["default_permissions", "block", "Permissions of users without their own", block(PERMISSIONS)],
    ["mappings maps", "named blocks", "Subject mappings", named(MAPPING)],
    ["limits", "block", "Limits", block(ACCOUNT_LIMITS)],
    [
      "msg_trace trace_dest",
      "string or block",
      "Destination for traces of messages, or with sampling",
      block(MSG_TRACE),
    ],
  ],
  ["users", "default_permissions"],
);
