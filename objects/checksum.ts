import { createHash } from 'node:crypto';

/** Of a whole object, base64, as Cloud Storage gives them. */
export interface Checksums {
  /** None where the object was composed of others. */
  readonly md5?: string;
  readonly crc32c?: string;
}

/** Takes bytes in order and compares their checksum with the one they should have. */
export interface Check {
  update(bytes: Uint8Array): void;
  /** In words, once all bytes came; undefined = it is right. */
  problem(): string | undefined;
}

/** MD5 where there is one, which Node has as machine code; undefined where nothing is known. */
export async function checkOf({ md5, crc32c }: Checksums): Promise<Check | undefined> {
  if (md5 !== undefined) {
    const hash = createHash('md5');
    return {
      update(bytes) {
        hash.update(bytes);
      },
      problem: () => difference('md5', hash.digest('base64'), md5),
    };
  }
  if (crc32c === undefined) return undefined;
  const { CRC32C } = await import('@google-cloud/storage');
  const sum = new CRC32C();
  return {
    update(bytes) {
      sum.update(bytes as Buffer);
    },
    problem: () => difference('crc32c', sum.toString(), crc32c),
  };
}

function difference(kind: string, found: string, expected: string): string | undefined {
  return found === expected ? undefined : `its bytes have the ${kind} ${found}, not ${expected}`;
}
