// The directives that stand at the top of a file, in groups.

import { ACCOUNT, MAPPING } from "./account-blocks.ts";
import { AUTHORIZATION } from "./auth-blocks.ts";
import { type Block, block, defineBlock, named, type Row } from "./directive.ts";
import { JETSTREAM } from "./jetstream-blocks.ts";
import { CLUSTER, GATEWAY, LEAFNODES } from "./link-blocks.ts";
import { MQTT, PROXIES, WEBSOCKET } from "./listener-blocks.ts";
import { RESOLVER } from "./operator-blocks.ts";
import { OCSP, OCSP_CACHE, TLS } from "./tls-blocks.ts";

/** Directives that belong together, for the documents. */
export interface Group {
  readonly title: string;
  readonly block: Block;
}

function group(title: string, rows: readonly Row[], waitsFor: string | null = null): Group {
  return { title, block: defineBlock("", waitsFor, rows) };
}

/** The top of a file, group by group. */
export const GROUPS: readonly Group[] = [
  group("Address and identity", [
    ["listen", "listen", "`host:port` or a port for clients; replaces `host` and `port`"],
    ["port", "integer", "Port for clients; -1 picks a free one (4222)"],
    ["host net", "string", "Address to listen on (`0.0.0.0`: every address)"],
    ["server_name", "string", "Name of the server, without spaces (its id)"],
    ["client_advertise", "string", "`host` or `host:port` that INFO tells clients instead of the real one"],
    ["no_header_support", "boolean", "No message headers (false)"],
  ]),
  group("Limits", [
    ["max_connections max_conn", "integer", "Open client connections; 0 or less: nobody may connect (65536)"],
    ["max_payload", "bytes", "Bytes of one message, headers included (1MiB)"],
    ["max_pending", "bytes", "Bytes waiting for one client before it is closed as a slow consumer (64MiB)"],
    ["max_control_line", "bytes", "Bytes of one protocol line (4096)"],
    ["max_subscriptions max_subs", "integer", "Subscriptions of one connection; 0 or -1: no limit (0)"],
    [
      "max_subscription_tokens max_sub_tokens",
      "integer",
      "Tokens in the subject of a subscription, 1 to 255 (no limit)",
    ],
    ["write_deadline", "duration", "Time for a write before the client is closed as a slow consumer (10s)"],
    ["ping_interval", "duration", "Time between PINGs to an idle client (2m)"],
    ["ping_max", "integer", "PINGs that may stay unanswered (2)"],
    [
      "no_fast_producer_stall",
      "boolean",
      "Drop a message for a slow receiver instead of making its producer wait (false)",
    ],
  ]),
  group("Logging", [
    ["debug", "boolean", "Log what helps to find a fault (false)"],
    ["trace", "boolean", "Log each protocol operation (false)"],
    ["trace_verbose", "boolean", "The same, the system account's included (false)"],
    ["logtime", "boolean", "Time on each line (true)"],
    ["logtime_utc", "boolean", "That time in UTC (false)"],
    ["logfile log_file", "string", "Log to this file (stderr)"],
    ["logfile_size_limit log_size_limit", "bytes", "Bytes after which a new log file is begun; 0: never (0)"],
  ]),
  group("Process", [
    ["pidfile pid_file", "string", "Write the process id to this file"],
    ["ports_file_dir", "string", "Write the addresses to `<program>_<pid>.ports` in this folder"],
  ]),
  group("Shutdown", [
    ["lame_duck_duration", "duration string", "Time over which lame duck mode closes the clients, at least 30s (2m)"],
    ["lame_duck_grace_period", "duration string", "Time before it closes the first, less than the duration (10s)"],
  ]),
  group("Authentication", [
    [
      "authorization",
      "block",
      "Users, or the one user or token, that clients need (nobody is asked)",
      block(AUTHORIZATION),
    ],
  ]),
  group("Accounts", [
    [
      "accounts",
      "named blocks",
      "Accounts with their users, or only their names; nothing crosses from one to another",
      named(ACCOUNT),
    ],
    ["no_auth_user", "string", "Name or nkey of the user that clients without credentials are (nobody)"],
    ["system_account system", "string", "The account in which servers talk about themselves ($SYS)"],
  ]),
  group("Accepted without effect", [
    ["disable_sublist_cache no_sublist_cache", "boolean", "There is no cache of matches to switch off"],
  ]),
  group(
    "No system account",
    [["no_system_account no_system no_sys_acc", "boolean", "Do without a system account"]],
    "accounts",
  ),
  group(
    "Operator mode",
    [
      [
        "operator operators roots root root_operators root_operator",
        "strings",
        "JWTs of operators, or files with them",
      ],
      [
        "resolver account_resolver accounts_resolver",
        "string or block",
        "Where account JWTs are: MEMORY, URL(...), or a folder",
        block(RESOLVER),
      ],
      ["resolver_tls", "block", "TLS towards an account server", block(TLS)],
      ["resolver_preload", "map", "Account JWTs by account id"],
      ["resolver_pinned_accounts", "strings", "Accounts that alone may be used here"],
      ["trusted trusted_keys", "strings", "Public keys of operators"],
      ["default_sentinel", "string", "Bearer JWT for clients without credentials"],
    ],
    "operator mode",
  ),
  group("TLS", [
    ["tls", "block", "TLS for clients", block(TLS)],
    ["allow_non_tls", "boolean", "Clients with and without TLS on one port (false)"],
  ]),
  group("OCSP", [
    ["ocsp", "boolean or block", "OCSP stapling; true: for certificates that ask for it (true)", block(OCSP)],
    [
      "ocsp_cache",
      "boolean or block",
      "Cache of OCSP answers about clients; true: in a file, too, false: none (in memory only)",
      block(OCSP_CACHE),
    ],
    [
      "store_dir storedir",
      "string",
      "Folder whose `ocsp` has the answers that are stapled; JetStream's, when that comes",
    ],
  ]),
  group(
    "Subject mappings",
    [["mappings maps", "named blocks", "Mappings of the global account", named(MAPPING)]],
    "subject mappings",
  ),
  group(
    "JetStream",
    [
      ["jetstream", "boolean, string or block", "Streams and persistence", block(JETSTREAM)],
      ["default_js_domain", "map", "JetStream domain by account"],
      ["server_tags", "strings", "Tags by which streams are placed"],
      ["feature_flags", "map", "Switches for behaviour that is not settled"],
    ],
    "JetStream",
  ),
  group(
    "Monitoring",
    [
      ["http", "listen", "Address of the monitoring endpoints"],
      ["https", "listen", "The same with TLS"],
      ["http_port monitor_port", "integer", "Port of the monitoring endpoints"],
      ["https_port", "integer", "The same with TLS"],
      ["http_base_path", "string", "Path in front of the endpoints"],
      ["max_closed_clients", "integer", "Closed connections that are remembered"],
      ["server_metadata", "map", "Free keys and values to be shown"],
    ],
    "monitoring",
  ),
  group(
    "More logging",
    [
      ["trace_headers", "boolean", "Trace headers but no payloads"],
      ["max_traced_msg_len", "integer", "Bytes of a payload in the trace"],
      ["logfile_max_num log_max_num", "integer", "Log files that are kept"],
      ["syslog", "boolean", "Log to syslog"],
      ["remote_syslog", "string", "Address of a syslog server"],
    ],
    "more ways of logging",
  ),
  group(
    "Profiling",
    [
      ["prof_port", "integer", "Port of the profiler"],
      ["prof_block_rate", "integer", "Rate of the block profile"],
    ],
    "profiling",
  ),
  group(
    "Write timeout policy",
    [["write_timeout", "string", "What happens at a late write: default, close or retry"]],
    "write timeout policies",
  ),
  group(
    "Links between servers",
    [
      ["cluster", "block", "Routes to the other servers of a cluster", block(CLUSTER)],
      ["gateway", "block", "Links to other clusters", block(GATEWAY)],
      ["leafnodes leaf", "block", "Leaf nodes, as hub and as leaf", block(LEAFNODES)],
      ["connect_error_reports", "integer", "How many failed first attempts make a log line"],
      ["reconnect_error_reports", "integer", "How many failed later attempts make a log line"],
    ],
    "links between servers",
  ),
  group("WebSocket", [["websocket ws", "block", "WebSocket for clients", block(WEBSOCKET)]], null),
  group("MQTT", [["mqtt", "block", "MQTT 3.1.1", block(MQTT)]], "MQTT"),
  group("Proxies", [
    ["proxy_protocol", "boolean", "Clients' addresses come from a PROXY protocol header, version 1 or 2 (false)"],
    ["proxies", "block", "Proxies that may speak for clients", block(PROXIES)],
  ]),
];

/** Everything that may stand at the top of a file. */
export const TOP: Block = { name: "", directives: GROUPS.flatMap(({ block: { directives } }) => directives) };
