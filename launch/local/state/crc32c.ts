/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), which zlib has not: LevelDB's files carry it. */
const POLYNOMIAL = 0x82f63b78;

/** TABLES[n * 256 + b]: what byte b does to the CRC n bytes later ("slicing by 8"). */
const TABLES = new Int32Array(8 * 256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  TABLES[byte] = crc;
}
for (let at = 256; at < TABLES.length; at++) {
  const before = TABLES[at - 256];
  TABLES[at] = (before >>> 8) ^ TABLES[before & 0xff];
}

/** Of bytes `start` to `end`, as LevelDB stores it: rotated and offset, so that CRCs of CRCs are good. */
export function maskedCrc32c(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    crc ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    crc =
      TABLES[1792 + (crc & 0xff)] ^
      TABLES[1536 + ((crc >>> 8) & 0xff)] ^
      TABLES[1280 + ((crc >>> 16) & 0xff)] ^
      TABLES[1024 + (crc >>> 24)] ^
      TABLES[768 + bytes[at + 4]] ^
      TABLES[512 + bytes[at + 5]] ^
      TABLES[256 + bytes[at + 6]] ^
      TABLES[bytes[at + 7]];
  }
  for (; at < end; at++) crc = TABLES[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8);
  crc = ~crc;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
