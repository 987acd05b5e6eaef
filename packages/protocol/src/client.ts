// What a client needs of the protocol, and no more: pages load the files of this entry only.

export {
  encodeHeaderBlock,
  HeaderError,
  headerNameProblem,
  headerStatus,
  headerValueProblem,
  parseHeaderBlock,
} from "./headers.ts";
export { type MessageLine, messageLine } from "./message-line.ts";
export { MessageParseError } from "./message-parse-error.ts";
export { MessageParser, type MessageSink } from "./message-parser.ts";
export { Nuid, type SecretSource } from "./nuid.ts";
export {
  inboxPrefixProblem,
  publishSubjectProblem,
  queueGroupProblem,
  subscribeSubjectProblem,
} from "./subject-check.ts";
