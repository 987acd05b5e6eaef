// IP addresses as text and as bytes. One address has one text: small letters, no leading zeros, the longest run of zeros as `::`,
// and an IPv4 address that is wrapped in an IPv6 one stands as itself (as Go's net.IP writes them).

const IPV4_BYTES = 4;
const IPV6_GROUPS = 8;
/** What stands before an IPv4 address that is wrapped in an IPv6 one. */
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const IPV4_PART = /^(?:0|[1-9]\d{0,2})$/;
const IPV6_GROUP = /^[0-9a-fA-F]{1,4}$/;

/**
 * Reads an address: four bytes for the dotted form, sixteen for the other.
 *
 * @returns Null for what is none; zones (`fe80::1%eth0`), blanks and leading zeros of the dotted form are not taken.
 */
export function parseIp(text: string): Uint8Array | null {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** Writes an address of four or sixteen bytes. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === IPV4_BYTES) return bytes.join(".");
  if (MAPPED_PREFIX.every((byte, index) => bytes[index] === byte))
    return bytes.subarray(MAPPED_PREFIX.length).join(".");
  const groups = Array.from({ length: IPV6_GROUPS }, (_, at) => {
    return (((bytes[2 * at] as number) << 8) | (bytes[2 * at + 1] as number)).toString(16);
  });
  const { length, start } = longestZeros(groups);
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

function parseIpv4(text: string): Uint8Array | null {
  const parts = text.split(".");
  if (parts.length !== IPV4_BYTES || !parts.every((part) => IPV4_PART.test(part) && Number(part) <= 255)) return null;
  return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): Uint8Array | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0] as string, halves.length === 1);
  const tail = halves.length === 1 ? [] : groupsOf(halves[1] as string, true);
  if (head === null || tail === null) return null;
  const missing = IPV6_GROUPS - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The groups between colons; the last of them may be an IPv4 address where the text may end so. */
function groupsOf(text: string, mayEndDotted: boolean): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const words = text.split(":");
  for (const [at, word] of words.entries()) {
    if (IPV6_GROUP.test(word)) {
      groups.push(Number.parseInt(word, 16));
      continue;
    }
    const dotted = mayEndDotted && at === words.length - 1 ? parseIpv4(word) : null;
    if (dotted === null) return null;
    const [a, b, c, d] = dotted as unknown as [number, number, number, number];
    groups.push((a << 8) | b, (c << 8) | d);
  }
  return groups;
}

function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === "0") length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
