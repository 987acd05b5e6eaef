// Limits and fixed sizes of the protocol, named. What happens at each is told in docs/limits.md.

/** Default longest protocol line of a client, without operation name and line end (const.go MAX_CONTROL_LINE_SIZE). */
export const CONTROL_LINE_BYTES_MAX = 4096;
/** Default largest message, headers and payload together (const.go MAX_PAYLOAD_SIZE). */
export const PAYLOAD_BYTES_MAX = 1_048_576;
/** Subjects up to this length are remembered by the parser, so that the same subject twice in a row is looked up once. */
export const SUBJECT_MEMO_BYTES_MAX = 256;
/** Protocol versions of CONNECT: 1 means that the client takes INFO at any time. */
export const CLIENT_PROTOCOL_MAX = 1;
/** JetStream API level told in INFO (jetstream_versioning.go); 5 is that of release 2.15. */
export const API_LEVEL = 5;
/** The nats-server release whose behaviour is matched; clients switch features by it. */
export const SERVER_VERSION = "2.15.1";
