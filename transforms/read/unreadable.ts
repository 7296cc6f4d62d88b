import { ObjectError } from '../../objects/object-error.js';
import { TooLargeError } from './at-most.js';
import { CompressedInputError } from './decompress.js';

/**
 * Why a file (or message, or stream) cannot be read, as the reason of a reject. What a retry may
 * cure is thrown again.
 */
export function unreadable(kind: 'file' | 'message' | 'stream', error: unknown): string {
  if (error instanceof CompressedInputError) return `${kind}-${error.fault}`;
  if (error instanceof TooLargeError) return `${kind}-too-large`;
  if (error instanceof ObjectError) return `${kind}-${error.fault}`;
  const { code } = error as { code?: string };
  if (code === 'ENOENT') return `${kind}-not-found`;
  if (code === 'EACCES' || code === 'EPERM') return `${kind}-not-permitted`;
  if (code === 'EISDIR') return `${kind}-is-a-folder`;
  throw error;
}
