// The directives of JetStream.

import { type Block, block, defineBlock } from "./directive.ts";

/** `jetstream.limits.batch` */
export const BATCH_LIMITS: Block = defineBlock("jetstream.limits.batch", "JetStream", [
  ["max_inflight_per_stream", "integer", "Open batches of one stream (50)"],
  ["max_inflight_total", "integer", "Open batches in all (1000)"],
  ["max_msgs", "integer", "Messages of one batch (1000)"],
  ["timeout", "duration", "Time until a batch is given up (10s)"],
]);

/** `jetstream.limits` */
export const JETSTREAM_LIMITS: Block = defineBlock("jetstream.limits", "JetStream", [
  ["max_ack_pending", "integer", "Largest max_ack_pending of a consumer"],
  ["max_ha_assets", "integer", "Replicated streams and consumers on this server"],
  ["max_request_batch", "integer", "Messages that one pull may ask for"],
  ["duplicate_window", "duration", "Largest window for duplicates"],
  ["batch", "block", "Limits of batched publishes", block(BATCH_LIMITS)],
]);

/** `jetstream.tpm` */
export const TPM: Block = defineBlock("jetstream.tpm", "JetStream", [
  ["keys_file", "string", "File of the keys that the TPM protects"],
  ["encryption_password", "string", "Password of the keys"],
  ["srk_password", "string", "Password of the TPM's owner"],
  ["pcr", "integer", "Register of the TPM"],
  ["cipher", "string", "chacha or aes"],
]);

/** `jetstream` */
export const JETSTREAM: Block = defineBlock("jetstream", "JetStream", [
  ["enabled enable", "boolean", "Switch JetStream on or off"],
  ["strict", "boolean", "Refuse unknown fields in API requests (true)"],
  ["store store_dir storedir", "string", "Folder of the streams"],
  ["sync sync_interval", "duration", "Time between syncs, or always (2m)"],
  ["max_memory_store max_mem_store max_mem", "size", "Bytes in memory (three quarters of it)"],
  ["max_file_store max_file", "size", "Bytes on disk (three quarters of what is free, at most 1TB)"],
  ["domain", "string", "JetStream domain name"],
  ["key ek encryption_key", "string", "Key for encryption at rest"],
  ["prev_key prev_ek prev_encryption_key", "string", "Key before the last change"],
  ["cipher", "string", "chacha or aes (chacha)"],
  ["extension_hint", "string", "no_extend or will_extend"],
  ["limits", "block", "Limits", block(JETSTREAM_LIMITS)],
  ["tpm", "block", "Keys in a TPM; Windows", block(TPM)],
  ["unique_tag", "string", "Tag prefix; replicas need different values"],
  ["max_outstanding_catchup", "size", "Bytes on their way to followers that catch up (64MiB)"],
  ["max_buffered_size", "size", "Bytes of one stream that may wait (128MiB)"],
  ["max_buffered_msgs", "integer", "Messages of one stream that may wait (100000)"],
  ["request_queue_limit", "integer", "API requests that may wait (10000)"],
  ["info_queue_limit", "integer", "Info requests that may wait"],
  ["meta_compact", "integer", "Entries before the meta layer makes a snapshot"],
  ["meta_compact_size", "size", "Bytes before it does"],
  ["meta_compact_sync", "boolean", "Wait for that snapshot (false)"],
  ["max_concurrent_io", "integer", "Disk operations at once, 4 to 8192"],
]);
