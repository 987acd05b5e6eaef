// The directives of WebSocket, MQTT and of proxies in front of the server.

import { SIMPLE_AUTHORIZATION, WEBSOCKET_AUTHORIZATION } from "./auth-blocks.ts";
import { type Block, block, defineBlock, list } from "./directive.ts";
import { TLS } from "./tls-blocks.ts";

/** `websocket` */
export const WEBSOCKET: Block = defineBlock("websocket", null, [
  ["listen", "listen", "`host:port` or a port"],
  ["port", "integer", "Port"],
  ["host net", "string", "Address to listen on"],
  ["advertise", "string", "`host:port` that others are told"],
  ["no_tls", "boolean", "Allow connections without TLS (false)"],
  ["tls", "block", "TLS here", block(TLS)],
  ["same_origin", "boolean", "The origin must be the host itself (false)"],
  ["allowed_origins allowed_origin allow_origins allow_origin origins origin", "strings", "Origins that may connect"],
  ["handshake_timeout", "duration", "Time for the HTTP upgrade (2s)"],
  ["compress compression", "boolean", "Compress with permessage-deflate"],
  ["authorization authentication", "block", "Who may connect here", block(WEBSOCKET_AUTHORIZATION)],
  ["jwt_cookie", "string", "Name of the cookie with the JWT"],
  ["user_cookie", "string", "Name of the cookie with the user"],
  ["pass_cookie", "string", "Name of the cookie with the password"],
  ["token_cookie", "string", "Name of the cookie with the token"],
  ["no_auth_user", "string", "User for clients without credentials"],
  ["headers", "map", "Headers of the HTTP answer"],
  ["ping_interval", "duration", "Time between PINGs"],
]);

/** `mqtt` */
export const MQTT: Block = defineBlock("mqtt", "MQTT", [
  ["listen", "listen", "`host:port` or a port (usually 1883)"],
  ["port", "integer", "Port"],
  ["host net", "string", "Address to listen on"],
  ["tls", "block", "TLS here", block(TLS)],
  ["authorization authentication", "block", "Who may connect here", block(SIMPLE_AUTHORIZATION)],
  ["no_auth_user", "string", "User for clients without credentials"],
  ["ack_wait ackwait", "duration", "Time for an acknowledgement before a message is sent again (30s)"],
  ["js_api_timeout api_timeout", "duration", "Time for a JetStream request (5s)"],
  ["max_ack_pending max_pending max_inflight", "integer", "Unacknowledged messages of one session (1024)"],
  ["js_domain", "string", "JetStream domain to use"],
  ["stream_replicas", "integer", "Replicas of the streams, 1 to 5"],
  ["consumer_replicas", "integer", "Has no effect in nats-server either"],
  ["consumer_memory_storage", "boolean", "Consumers in memory (false)"],
  ["consumer_inactive_threshold consumer_auto_cleanup", "duration", "Idle time after which a consumer is removed"],
  ["reject_qos2_publish", "boolean", "Refuse messages of QoS 2 (false)"],
  ["downgrade_qos2_subscribe", "boolean", "Serve QoS 2 subscriptions as QoS 1 (false)"],
]);

/** `proxies.trusted[]` */
export const TRUSTED_PROXY: Block = defineBlock("proxies.trusted[]", null, [
  ["key public_key", "string", "Public key of the proxy, U... or another kind"],
]);

/** `proxies` */
export const PROXIES: Block = defineBlock("proxies", null, [
  ["trusted", "list of blocks", "Proxies whose word counts: they sign the nonce of INFO", list(TRUSTED_PROXY)],
]);
