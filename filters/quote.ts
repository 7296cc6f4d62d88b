/** Characters of an offending value that a message quotes. */
const MAX_QUOTED = 80;

/** `got "two"`: the end of a message about a value from a file that people wrote, whatever it holds. */
export function gotValue(value: unknown): string {
  const text = value === undefined ? 'nothing' : jsonOf(value);
  return `got ${text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}...` : text}`;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // A YAML alias can put a list into itself.
    return 'a value that holds itself';
  }
}
