/** Runs of ports with a time each, as a scan's reports give them: overlapping, repeated, in any order. */

/** Row i is the run first[i]..last[i] (both included) at time[i], ms since 1970. */
export interface PortRuns {
  /** port | protocol << 16, so that runs of different protocols never meet. */
  readonly first: Uint32Array;
  readonly last: Uint32Array;
  readonly time: Float64Array;
}

/**
 * The rows of `runs` named in `rows` made disjoint: each port with the latest time of all runs that
 * hold it. Calls `emit` in ascending order; neighbours of one time are one run.
 */
export function latestRuns(
  rows: Uint32Array,
  { first, last, time }: PortRuns,
  emit: (first: number, last: number, time: number) => void,
): void {
  // Nearly every network has one.
  if (rows.length === 1) {
    emit(first[rows[0]], last[rows[0]], time[rows[0]]);
    return;
  }
  // Segment s reaches from borders[s] up to borders[s + 1]; where a border repeats it is empty.
  const borders = new Uint32Array(2 * rows.length);
  rows.forEach((row, i) => {
    borders[2 * i] = first[row];
    borders[2 * i + 1] = last[row] + 1;
  });
  borders.sort();
  const times = new Float64Array(borders.length).fill(-Infinity);
  // The latest run takes its segments first and later ones skip what is taken, so that a feed of
  // many overlapping runs costs no more than it takes to sort them.
  const next = Uint32Array.from(borders, (_, s) => s);
  for (const row of rows.slice().sort((a, b) => time[b] - time[a])) {
    let s = untaken(next, lowerBound(borders, first[row]));
    while (borders[s] <= last[row]) {
      times[s] = time[row];
      next[s] = s + 1;
      s = untaken(next, s + 1);
    }
  }
  let start = 0;
  for (let s = 1; s < borders.length; s++) {
    if (times[s] === times[start]) continue;
    emitRun(borders[start], borders[s], times[start], emit);
    start = s;
  }
}

function emitRun(
  start: number,
  end: number,
  time: number,
  emit: (first: number, last: number, time: number) => void,
): void {
  if (end > start && time !== -Infinity) emit(start, end - 1, time);
}

/** The first segment from `s` on that no run has taken; shortens the way for the next one. */
function untaken(next: Uint32Array, s: number): number {
  let at = s;
  while (next[at] !== at) {
    next[at] = next[next[at]];
    at = next[at];
  }
  return at;
}

/** Place of the first value that is not below `wanted`. */
function lowerBound(sorted: Uint32Array, wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
