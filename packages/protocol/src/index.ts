// The NATS protocol without I/O: bytes to operations, subjects, INFO and CONNECT, limits and error texts.

export {
  CR,
  copyOf,
  DOLLAR,
  DOT,
  GREATER,
  LF,
  latin1,
  latin1Bytes,
  parseSize,
  SPACE,
  STAR,
  startsWith,
  TAB,
  UNDERSCORE,
  ZERO,
} from "./bytes.ts";
export { ClientParser, createParserScratch, type ParserScratch } from "./client-parser.ts";
export type { Arguments, ClientSink } from "./client-sink.ts";
export { type ConnectOptions, ConnectSyntaxError, DEFAULT_CONNECT_OPTIONS, parseConnect } from "./connect-options.ts";
export { PROTOCOL_ERRORS, type ProtocolErrorCode } from "./errors.ts";
// What clients need besides.
export {
  encodeHeaderBlock,
  type HeaderBlock,
  HeaderError,
  headerNameProblem,
  headerStatus,
  headerValueProblem,
  parseHeaderBlock,
} from "./headers.ts";
export { type InfoTemplate, infoLine, infoTemplate, isInfoJson, type ServerInfo } from "./info.ts";
export {
  API_LEVEL,
  CLIENT_PROTOCOL_MAX,
  CONTROL_LINE_BYTES_MAX,
  PAYLOAD_BYTES_MAX,
  SERVER_VERSION,
  SUBJECT_MEMO_BYTES_MAX,
} from "./limits.ts";
export { type MessageLine, messageLine } from "./message-line.ts";
export { MessageParseError } from "./message-parse-error.ts";
export {
  DEFAULT_MESSAGE_LIMITS,
  type MessageLimits,
  MessageParser,
  type MessageSink,
} from "./message-parser.ts";
export { Nuid, type SecretSource } from "./nuid.ts";
export { Publication } from "./publication.ts";
export { quote } from "./quote.ts";
export { indexOfByte, sameBytes, viewOf, wordEnd, wordHas } from "./scan.ts";
export { countTokens, isLiteral, isSubscribable } from "./subject.ts";
export {
  hasWildcard,
  inboxPrefixProblem,
  publishSubjectProblem,
  queueGroupProblem,
  subscribeSubjectProblem,
} from "./subject-check.ts";
export { isSubjectSubset, subjectsOverlap } from "./subject-match.ts";
