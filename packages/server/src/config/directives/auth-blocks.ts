// The directives of users and permissions.

import { type Block, block, defineBlock, list, type Row } from "./directive.ts";

/** `allow_responses` */
export const ALLOW_RESPONSES: Block = defineBlock("allow_responses", null, [
  ["max max_msgs max_messages max_responses", "integer", "Responses to one request; negative: no limit (1)"],
  ["expires expiration ttl", "duration string", "Time for the responses (2m)"],
]);

/** `publish` and `subscribe` inside permissions */
export const SUBJECTS: Block = defineBlock("publish, subscribe", null, [
  ["allow", "strings", "Subjects that are allowed"],
  ["deny", "strings", "Subjects that are forbidden, allowed or not"],
]);

/** `permissions` */
export const PERMISSIONS: Block = defineBlock("permissions", null, [
  ["publish pub import", "strings or block", "Subjects to publish to", block(SUBJECTS)],
  [
    "subscribe sub export",
    "strings or block",
    "Subjects to subscribe to, a queue group behind a space perhaps",
    block(SUBJECTS),
  ],
  [
    "allow_responses publish_allow_responses",
    "boolean or block",
    "May answer requests it was sent (false)",
    block(ALLOW_RESPONSES),
  ],
]);

/** One of `users`, in `authorization` or in an account */
export const USER: Block = defineBlock("users[]", null, [
  ["nkey", "string", "Public key, U..."],
  ["user username", "string", "Name of the user"],
  ["pass password", "string", "Its password, plain or bcrypt"],
  ["permissions permission authorization", "block", "What the user may do", block(PERMISSIONS)],
  [
    "allowed_connection_types connection_types clients",
    "strings",
    "STANDARD, WEBSOCKET, LEAFNODE, LEAFNODE_WS, MQTT, MQTT_WS, IN_PROCESS (all)",
  ],
  ["proxy_required", "boolean", "Connection must come through a trusted proxy (false)"],
]);

/** `authorization.auth_callout` */
export const AUTH_CALLOUT: Block = defineBlock("authorization.auth_callout", "auth callout", [
  ["issuer", "string", "Public key of the account that signs the answers"],
  ["account acc", "string", "Account of the callout service ($G)"],
  ["auth_users users", "strings", "Users that are not asked about, the service's own among them"],
  ["xkey key", "string", "Public curve key for encrypting requests, X..."],
  ["allowed_accounts", "strings", "Accounts a callout answer may place users in"],
]);

/** `authorization` */
export const AUTHORIZATION: Block = defineBlock(
  "authorization",
  "permissions",
  [
    ["user username", "string", "The one user"],
    ["pass password", "string", "Its password, plain or bcrypt"],
    ["token", "string", "The one token"],
    ["timeout", "number", "Time for CONNECT, in seconds or as a duration (2s)"],
    ["users", "list of blocks", "Users", list(USER)],
    [
      "default_permissions default_permission permissions",
      "block",
      "Permissions of users without their own",
      block(PERMISSIONS),
    ],
    ["auth_callout auth_hook", "block", "A service that decides about users", block(AUTH_CALLOUT)],
    ["proxy_required", "boolean", "The one user, or the token, must come through a trusted proxy (false)"],
  ],
  ["user", "pass", "token", "timeout", "users", "default_permissions", "proxy_required"],
);

const SIMPLE_ROWS: readonly Row[] = [
  ["user username", "string", "Name of the user"],
  ["pass password", "string", "Its password, plain or bcrypt"],
  ["token", "string", "The one token"],
  ["timeout", "number", "Time for CONNECT, in seconds or as a duration (2s)"],
];

/** `authorization` of the WebSocket listener */
export const WEBSOCKET_AUTHORIZATION: Block = defineBlock("websocket.authorization", null, SIMPLE_ROWS);

/** `authorization` of the MQTT, cluster and gateway listeners */
export const SIMPLE_AUTHORIZATION: Block = defineBlock(
  "authorization of other listeners",
  "other listeners",
  SIMPLE_ROWS,
);
