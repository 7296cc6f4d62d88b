/**
 * Text from data, made safe to show on a terminal: control characters (C0, DEL, C1), line
 * separators and marks that reverse the direction of text become `\u001b`-like escapes. A feed name
 * or a sensor must not be able to move the cursor, colour lines or hide what follows.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A value as an error message quotes it: JSON, at most 80 characters, printable. */
export function quoted(value: unknown): string {
  return printable(shortened(json(value)));
}

function json(value: unknown): string {
  try {
    // JSON has no undefined.
    return value === undefined ? 'undefined' : JSON.stringify(value);
  } catch {
    // YAML can describe a list that contains itself.
    return 'a value that contains itself';
  }
}

const QUOTED_CHARACTERS = 80;

function shortened(text: string): string {
  return text.length <= QUOTED_CHARACTERS ? text : `${text.slice(0, QUOTED_CHARACTERS - 3)}...`;
}
