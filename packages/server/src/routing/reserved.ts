// Subjects that only servers may use. Checked when a subject is first seen by a connection, and for each reply.

import { DOLLAR, startsWith, UNDERSCORE } from "@myelin/protocol";

/** Raft groups; open to the system account. */
const RAFT_PREFIX = "$NRG.";
/** Replies that cross gateways, and those of service imports. */
const GATEWAY_REPLY_PREFIX = "_GR_.";
const OLD_GATEWAY_REPLY_PREFIX = "$GR.";
const SERVICE_REPLY_PREFIX = "_R_.";
/** Acknowledgements: a client that chose one as its reply could acknowledge for others. */
const JETSTREAM_ACK_PREFIX = "$JS.ACK.";

/** Queue group of the server's own service imports; refused to clients (client.go processSubEx). */
export const SYSTEM_QUEUE = "_sys_";

/** Whether clients may not publish to this subject (client.go processInboundClientMsg). */
export function isReservedSubject(bytes: Uint8Array, start: number, end: number, inSystemAccount: boolean): boolean {
  const first = bytes[start];
  if (first === DOLLAR) {
    const isRaft = startsWith(bytes, start, end, RAFT_PREFIX);
    return (isRaft && !inSystemAccount) || isLongerThan(bytes, start, end, OLD_GATEWAY_REPLY_PREFIX);
  }
  return first === UNDERSCORE && isLongerThan(bytes, start, end, GATEWAY_REPLY_PREFIX);
}

/** Whether clients may not give this subject as a reply (client.go isReservedReply). */
export function isReservedReply(bytes: Uint8Array, start: number, end: number): boolean {
  const first = bytes[start];
  if (first === UNDERSCORE) {
    return startsWith(bytes, start, end, SERVICE_REPLY_PREFIX) || isLongerThan(bytes, start, end, GATEWAY_REPLY_PREFIX);
  }
  if (first !== DOLLAR) return false;
  return (
    isLongerThan(bytes, start, end, JETSTREAM_ACK_PREFIX) || isLongerThan(bytes, start, end, OLD_GATEWAY_REPLY_PREFIX)
  );
}

function isLongerThan(bytes: Uint8Array, start: number, end: number, prefix: string): boolean {
  return end - start > prefix.length && startsWith(bytes, start, end, prefix);
}
