import { InvalidArgumentError } from 'commander';

/** 1 in N packets, N as written on the command line. */
export const DEFAULT_RATES: readonly number[] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/** A curve with more points is a slip of the finger. */
const MAX_RATES = 32;
/** What the sampling rate's column of 32 bits holds. */
const MAX_RATE = 0xffffffff;

/** `1,10,100` as numbers: ascending, each once. Throws commander's InvalidArgumentError. */
export function parseRates(text: string): readonly number[] {
  const rates = text.split(',').map((part) => {
    const rate = /^[0-9]{1,10}$/.test(part.trim()) ? Number(part) : NaN;
    if (rate >= 1 && rate <= MAX_RATE) return rate;
    throw new InvalidArgumentError(
      `expected whole numbers from 1 to ${MAX_RATE} with commas between, got ${JSON.stringify(part)}.`,
    );
  });
  const distinct = [...new Set(rates)].sort((a, b) => a - b);
  if (distinct.length <= MAX_RATES) return distinct;
  throw new InvalidArgumentError(`expected at most ${MAX_RATES} rates, got ${distinct.length}.`);
}
