// The directives of links between servers: clusters, gateways and leaf nodes.

import { AUTHORIZATION, PERMISSIONS } from "./auth-blocks.ts";
import { type Block, block, defineBlock, list } from "./directive.ts";
import { TLS } from "./tls-blocks.ts";

/** `compression` */
export const COMPRESSION: Block = defineBlock("compression", "links between servers", [
  [
    "mode",
    "string",
    "Off/disabled/false, accept, on/enabled/true (s2_fast in cluster, s2_auto in leafnodes), fast/s2_fast, better, best, auto/s2_auto, not_supported",
  ],
  [
    "rtt_thresholds thresholds rtts rtt",
    "strings",
    "Round trips from which auto compresses more ([10ms, 50ms, 100ms])",
  ],
]);

/** `cluster` */
export const CLUSTER: Block = defineBlock("cluster", "clusters", [
  ["name", "string", "Name, without spaces"],
  ["listen", "listen", "`host:port` or a port"],
  ["port", "integer", "Port for other servers (usually 6222)"],
  ["host net", "string", "Address to listen on"],
  ["authorization", "block", "Who may connect here", block(AUTHORIZATION)],
  ["routes", "strings", "URLs of other servers"],
  ["tls", "block", "TLS here", block(TLS)],
  ["cluster_advertise advertise", "string", "`host:port` that other servers are told"],
  ["no_advertise", "boolean", "Do not tell of this server's addresses (false)"],
  ["connect_retries", "integer", "Attempts to reach servers that others told of"],
  ["connect_backoff", "boolean", "Wait longer after each failed attempt, 1s to 30s (false)"],
  ["permissions", "block", "Subjects that may come in and go out", block(PERMISSIONS)],
  ["pool_size", "integer", "Connections per route; -1: one, without a pool (3)"],
  ["accounts", "strings", "Accounts with a route of their own"],
  ["compression", "string or block", "Compression of the link", block(COMPRESSION)],
  ["ping_interval", "duration", "Time between PINGs"],
  ["ping_max", "integer", "PINGs that may stay unanswered"],
  ["write_deadline", "duration", "Time for a write (10s)"],
  ["write_timeout", "string", "After a late write: default, close or retry (default)"],
]);

/** `gateway.gateways[]` */
export const REMOTE_GATEWAY: Block = defineBlock("gateway.gateways[]", "gateways", [
  ["name", "string", "Name, without spaces"],
  ["tls", "block", "TLS here", block(TLS)],
  ["url", "string", "URL"],
  ["urls", "strings", "List of URLs"],
]);

/** `gateway` */
export const GATEWAY: Block = defineBlock("gateway", "gateways", [
  ["name", "string", "Name, without spaces"],
  ["listen", "listen", "`host:port` or a port"],
  ["port", "integer", "Port"],
  ["host net", "string", "Address to listen on"],
  ["authorization", "block", "Who may connect here", block(AUTHORIZATION)],
  ["tls", "block", "TLS here", block(TLS)],
  ["advertise", "string", "`host:port` that others are told"],
  ["connect_retries", "integer", "Attempts to reach servers that others told of"],
  ["connect_backoff", "boolean", "Wait longer after each failed attempt, 1s to 30s (false)"],
  ["gateways", "list of blocks", "The other clusters", list(REMOTE_GATEWAY)],
  ["reject_unknown reject_unknown_cluster", "boolean", "Refuse gateways that are not configured"],
  ["write_deadline", "duration", "Time for a write (10s)"],
  ["write_timeout", "string", "After a late write: default, close or retry (default)"],
]);

/** `leafnodes.authorization.users[]` */
export const LEAFNODE_USER: Block = defineBlock("leafnodes.authorization.users[]", "leaf nodes", [
  ["user username", "string", "Name of the user"],
  ["pass password", "string", "Its password"],
  ["account", "string", "Account name"],
  ["proxy_required", "boolean", "Connection must come through a trusted proxy"],
]);

/** `leafnodes.authorization` */
export const LEAFNODE_AUTHORIZATION: Block = defineBlock("leafnodes.authorization", "leaf nodes", [
  ["user username", "string", "Name of the user"],
  ["pass password", "string", "Its password"],
  ["nkey", "string", "Public key"],
  ["timeout", "number", "Time for CONNECT, in seconds or as a duration (2s)"],
  ["users", "list of blocks", "Users", list(LEAFNODE_USER)],
  ["account", "string", "Account name"],
  ["proxy_required", "boolean", "Connection must come through a trusted proxy"],
]);

/** `leafnodes.remotes[].jetstream_cluster_migrate` */
export const CLUSTER_MIGRATE: Block = defineBlock("leafnodes.remotes[].jetstream_cluster_migrate", "leaf nodes", [
  ["leader_migrate_delay", "duration", "Time before leaders move away"],
]);

/** An HTTP proxy on the way to a hub. */
export const REMOTE_PROXY: Block = defineBlock("leafnodes.remotes[].proxy", "leaf nodes", [
  ["url", "string", "Address of the proxy, http or https"],
  ["username", "string", "User at the proxy"],
  ["password", "string", "Password at the proxy"],
  ["timeout", "duration", "Time for the tunnel to be made"],
]);

/** `leafnodes.remotes[]` */
export const REMOTE_LEAFNODE: Block = defineBlock("leafnodes.remotes[]", "leaf nodes", [
  ["no_randomize dont_randomize", "boolean", "Try the URLs in their order (false)"],
  ["url urls", "string", "URL or URLs of the hub: nats, tls, ws, wss"],
  ["account local", "string", "Account here that the link belongs to"],
  ["creds credentials", "string", "Path of a credentials file"],
  ["nkey seed", "string", "Path of a file with an nkey seed"],
  ["tls", "block", "TLS here", block(TLS)],
  ["hub", "boolean", "Be the hub of this link, although connecting (false)"],
  ["deny_imports deny_import", "strings", "Subjects that do not come in"],
  ["deny_exports deny_export", "strings", "Subjects that do not leave"],
  [
    "ws_compress ws_compression websocket_compress websocket_compression",
    "boolean",
    "Compress with permessage-deflate (false)",
  ],
  ["ws_no_masking websocket_no_masking", "boolean", "Do not mask frames (false)"],
  [
    "jetstream_cluster_migrate js_cluster_migrate",
    "boolean or block",
    "Bool or {leader_migrate_delay}",
    block(CLUSTER_MIGRATE),
  ],
  ["isolate_leafnode_interest isolate", "boolean", "Leaf nodes do not see each other's interest (false)"],
  ["request_isolation", "boolean", "Ask the hub to isolate this leaf node (false)"],
  ["compression", "string or block", "Compression of the link", block(COMPRESSION)],
  ["first_info_timeout", "duration", "Time for the first INFO (1s)"],
  ["dial_timeout", "duration", "Time for the TCP connection to be made"],
  ["disabled", "boolean", "Keep the remote but do not connect (false)"],
  ["proxy", "block", "HTTP proxy on the way", block(REMOTE_PROXY)],
  ["ignore_discovered_servers", "boolean", "Connect to configured URLs only (false)"],
]);

/** `leafnodes` */
export const LEAFNODES: Block = defineBlock("leafnodes", "leaf nodes", [
  ["listen", "listen", "`host:port` or a port (usually 7422)"],
  ["port", "integer", "Port"],
  ["host net", "string", "Address to listen on"],
  ["authorization", "block", "Who may connect here", block(LEAFNODE_AUTHORIZATION)],
  ["remotes", "list of blocks", "Servers to connect to", list(REMOTE_LEAFNODE)],
  ["reconnect reconnect_delay reconnect_interval", "duration", "Time between attempts (1s)"],
  ["dial_timeout", "duration", "Time for the TCP connection to be made"],
  ["tls", "block", "TLS here", block(TLS)],
  ["leafnode_advertise advertise", "string", "`host:port` that leaf nodes are told"],
  ["no_advertise", "boolean", "Do not tell of this server's addresses (false)"],
  ["min_version minimum_version", "string", "Oldest version of a leaf node, at least 2.8.0"],
  ["compression", "string or block", "Compression of the link (s2_auto)", block(COMPRESSION)],
  ["isolate_leafnode_interest isolate", "boolean", "Leaf nodes do not see each other's interest (false)"],
  ["write_deadline", "duration", "Time for a write (10s)"],
  ["write_timeout", "string", "After a late write: default, close or retry (default)"],
]);
