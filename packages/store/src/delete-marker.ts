// The message that takes the place of a subject's last message when that expires.

const MARKER_HEADER = "Nats-Marker-Reason:";

/** The headers of a marker that itself lives for so long (nats-server 2.15.1). */
export function markerHeaders(ttlSeconds: number): Uint8Array {
  return Buffer.from(
    `NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: ${goDuration(ttlSeconds)}\r\nNats-Rollup: sub\r\n\r\n`,
  );
}

/** Whether a message with these headers is a marker: they never leave another one behind. */
export function isMarker(headers: Uint8Array): boolean {
  return Buffer.from(headers.buffer, headers.byteOffset, headers.length).includes(MARKER_HEADER);
}

/** Whole seconds as Go prints a duration: 90 is `1m30s`, 3600 is `1h0m0s`. */
export function goDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = `${seconds % 60}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}
