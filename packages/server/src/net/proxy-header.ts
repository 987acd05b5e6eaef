// The header that a proxy puts in front of a client's bytes, in the two forms of HAProxy's PROXY protocol. No I/O, no clock.
//
//   version 1:  PROXY TCP4 192.0.2.1 192.0.2.2 5555 4222\r\n             at most 107 bytes
//   version 2:  0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A   vc fp hh ll   hhll bytes: addresses, ports, what else the proxy tells
//                                                     ││ ││
//                        version 2 ────────────────────┘│ │└─ protocol: 1 = stream
//                        command: 0 = LOCAL, 1 = PROXY ─┘ └── family: 0 = none, 1 = IPv4, 2 = IPv6
//
// Rules and words are the reference's (client_proxyproto.go). What does not begin like a header is the client's own.

import type { Endpoint } from "@myelin/platform";
import { formatIp, parseIp } from "./ip-address.ts";

/** What the first bytes of a connection are. */
export type ProxyHeader =
  /** Too few to tell; `hasBegun`: so much is sure, that it is a header. */
  | { readonly kind: "incomplete"; readonly hasBegun: boolean }
  /** No header: the client's own bytes, all of them. */
  | { readonly kind: "none" }
  /** A header of `length` bytes. `source` is the client's address; null where the proxy speaks for itself, or does not know. */
  | { readonly kind: "header"; readonly length: number; readonly source: Endpoint | null }
  /** A header that cannot be read; the connection has to end. */
  | { readonly kind: "bad"; readonly problem: string };

/** The connection was ended because of the header in front of it. */
export class ProxyHeaderError extends Error {
  override readonly name = "ProxyHeaderError";
  readonly code = "BAD_PROXY_HEADER";
}

/** Bytes that tell a header from something else. */
const BEGIN_BYTES = 6;
const V1_BEGIN = Buffer.from("PROXY ");
const V1_BYTES_MAX = 107;
const V2_SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
/** Signature, two bytes of kinds, and the length of the rest. */
const V2_FIXED_BYTES = 16;

const INVALID = "invalid PROXY protocol header";
const UNSUPPORTED = "unsupported PROXY protocol feature";
const PORT = /^\d+$/;
const PORT_MAX = 65_535;
const CR = 0x0d;
const LF = 0x0a;

/** Looks at the bytes that a connection has brought so far. */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader {
  if (bytes.length < BEGIN_BYTES) return { kind: "incomplete", hasBegun: false };
  if (startsWith(bytes, V1_BEGIN)) return readTextHeader(bytes);
  if (startsWith(bytes, V2_SIGNATURE.subarray(0, BEGIN_BYTES))) return readBinaryHeader(bytes);
  return { kind: "none" };
}

function readTextHeader(bytes: Uint8Array): ProxyHeader {
  const end = lineEnd(bytes);
  if (end === -1) {
    return bytes.length < V1_BYTES_MAX ? { kind: "incomplete", hasBegun: true } : bad(`${INVALID}: v1 line too long`);
  }
  const line = Buffer.from(bytes.buffer, bytes.byteOffset + V1_BEGIN.length, end - V1_BEGIN.length).toString("latin1");
  const words = line.split(/[\t\v\f\r\n ]+/).filter((word) => word !== "");
  const length = end + 2;
  if (words[0] === "UNKNOWN") return { kind: "header", length, source: null };
  if (words.length !== 5) return bad(`${INVALID}: invalid v1 format`);
  const [protocol, from, to, fromPort, toPort] = words as [string, string, string, string, string];
  const source = parseIp(from);
  if (source === null || parseIp(to) === null) return bad(`${INVALID}: invalid address`);
  const problem = portProblem("source", fromPort) ?? portProblem("dest", toPort) ?? familyProblem(protocol, [from, to]);
  if (problem !== null) return bad(problem);
  return { kind: "header", length, source: { host: formatIp(source), port: Number(fromPort) } };
}

/** The place of CR LF, within what a line may be long; -1 where it is not there. */
function lineEnd(bytes: Uint8Array): number {
  const end = Math.min(bytes.length, V1_BYTES_MAX) - 1;
  for (let at = V1_BEGIN.length; at < end; at++) if (bytes[at] === CR && bytes[at + 1] === LF) return at;
  return -1;
}

function portProblem(which: string, text: string): string | null {
  if (!PORT.test(text)) return `invalid ${which} port: ${JSON.stringify(text)} is not a number`;
  return Number(text) > PORT_MAX ? `invalid ${which} port: ${text} is out of range` : null;
}

/** The form of the addresses decides: IPv4 in the form of IPv6 counts as IPv6. */
function familyProblem(protocol: string, addresses: readonly string[]): string | null {
  const ofSix = addresses.filter((address) => address.includes(":")).length;
  if (protocol === "TCP4") return ofSix > 0 ? `${INVALID}: TCP4 with IPv6 address` : null;
  if (protocol === "TCP6") return ofSix < addresses.length ? `${INVALID}: TCP6 with IPv4 address` : null;
  return `${INVALID}: invalid protocol ${protocol}`;
}

function readBinaryHeader(bytes: Uint8Array): ProxyHeader {
  const known = Math.min(bytes.length, V2_SIGNATURE.length);
  if (!startsWith(bytes, V2_SIGNATURE.subarray(0, known))) return bad(`${INVALID}: invalid signature`);
  if (bytes.length < V2_FIXED_BYTES) return { kind: "incomplete", hasBegun: true };
  const [versionAndCommand, familyAndProtocol, high, low] = bytes.subarray(12, 16) as unknown as [
    number,
    number,
    number,
    number,
  ];
  const size = (high << 8) | low;
  if (versionAndCommand >> 4 !== 2) return bad(`${INVALID}: invalid version ${hex(versionAndCommand & 0xf0)}`);
  const command = versionAndCommand & 0x0f;
  const family = familyAndProtocol >> 4;
  const problem = command === 0 ? null : binaryProblem(command, family, familyAndProtocol & 0x0f, size);
  if (problem !== null) return bad(problem);
  const length = V2_FIXED_BYTES + size;
  if (bytes.length < length) return { kind: "incomplete", hasBegun: true };
  const addressBytes = command === 0 ? 0 : addressBytesOf(family);
  return { kind: "header", length, source: addressBytes === 0 ? null : binarySource(bytes, addressBytes) };
}

function binaryProblem(command: number, family: number, protocol: number, size: number): string | null {
  if (command !== 1) return `unknown PROXY protocol command: ${hex(command)}`;
  if (protocol !== 1) return `${UNSUPPORTED}: only STREAM protocol supported`;
  if (family > 2) return `${UNSUPPORTED}: unsupported address family ${hex(family << 4)}`;
  const needed = family === 0 ? 0 : 2 * addressBytesOf(family) + 4;
  return size < needed ? `${family === 1 ? "IPv4" : "IPv6"} address data too short: ${size} bytes` : null;
}

/** Bytes of one address of a family; 0 for none. */
function addressBytesOf(family: number): number {
  return [0, 4, 16][family] ?? 0;
}

/** Source and destination address, source and destination port. */
function binarySource(bytes: Uint8Array, addressBytes: number): Endpoint {
  const at = V2_FIXED_BYTES + 2 * addressBytes;
  const port = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  return { host: formatIp(bytes.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + addressBytes)), port };
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.every((byte, at) => bytes[at] === byte);
}

function bad(problem: string): ProxyHeader {
  return { kind: "bad", problem };
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}
