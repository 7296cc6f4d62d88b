import { expect } from 'chai';
import { createProgress, progressLine } from '../../launch/progress.js';
import { printable, quoted } from '../../launch/terminal-text.js';

const AT = { stage: 'reading', bytesRead: 12_000_000, bytesTotal: 30_000_000, records: 100_000 };

describe('progress', () => {
  it('is a plain line every five seconds where there is no terminal', () => {
    let text = '';
    let now = 1000;
    const stream = { isTTY: false, write: (part: string) => (text += part) };
    const display = createProgress(stream, () => now);
    for (const ms of [10, 4999, 5000, 5001, 9000, 10_000]) {
      now = 1000 + ms;
      display.update(AT);
    }
    display.stop();
    expect(text.split('\n')).to.deep.equal([
      'reading: 40 % (12.0 of 30.0 MB), 100,000 records, 5 s',
      'reading: 40 % (12.0 of 30.0 MB), 100,000 records, 10 s',
      '',
    ]);
  });

  it('leaves out a size that is not known, and never passes 100 %', () => {
    expect(progressLine({ ...AT, bytesTotal: 0 }, 5000)).to.equal('reading: 100,000 records, 5 s');
    expect(progressLine({ ...AT, bytesRead: 40_000_000 }, 5000)).to.match(/^reading: 100 %/);
  });

  it('shows nothing of work that is over soon, on a terminal too', () => {
    let text = '';
    let now = 0;
    const stream = { isTTY: true, write: (part: string) => (text += part) };
    const display = createProgress(stream, () => now);
    now = 400;
    display.update(AT);
    display.stop();
    display.stop();
    expect(text).to.equal('');
  });
});

describe('terminal text', () => {
  it('shows control characters as escapes', () => {
    expect(printable('a\u001b[31mb\nc\u009b\u202e\u007f')).to.equal(
      'a\\u001b[31mb\\u000ac\\u009b\\u202e\\u007f',
    );
    expect(printable('Zürich – 東京')).to.equal('Zürich – 東京');
  });

  it('quotes values shortly', () => {
    expect(quoted('x'.repeat(200))).to.have.length(80);
    expect(quoted(undefined)).to.equal('undefined');
    const own: unknown[] = [];
    own.push(own);
    expect(quoted(own)).to.equal('a value that contains itself');
  });
});
