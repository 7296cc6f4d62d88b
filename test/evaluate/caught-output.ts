/** What was written while something ran. */
export interface CaughtOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/** Does `work` with what it writes to both streams kept from the terminal. */
export async function withCaughtOutput<T>(
  work: () => Promise<T>,
): Promise<CaughtOutput & { readonly result: T }> {
  const caught = { stdout: '', stderr: '' };
  const restore = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name];
    const write = stream.write.bind(stream);
    stream.write = (text: string | Uint8Array) => {
      caught[name] += String(text);
      return true;
    };
    return () => (stream.write = write);
  });
  try {
    const result = await work();
    return { result, ...caught };
  } finally {
    for (const undo of restore) undo();
  }
}
