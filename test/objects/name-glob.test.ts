import { expect } from 'chai';
import { relative } from 'node:path';
import { escapePath, glob, isDynamicPattern } from 'tinyglobby';
import { isGlob, nameGlob } from '../../objects/name-glob.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

const NAMES = [
  'flows/a.csv',
  'flows/a.csv.gz',
  'flows/b.csv.gz',
  'flows/.hidden.csv',
  'flows/2026-01-01/a.csv',
  'flows/2026-01-01/x/a.csv',
  'flows/2026-01-02/a.csv',
  'flows/2026-01-02/.tmp/a.csv',
  'flows/out.csv/part-0',
  'flows/out.csv/part-1/deep',
  'flows/[1].csv',
  'flows/1.csv',
  'flows/a b.csv',
  'flows/ä.csv',
  'flows/A.CSV',
  'flows/a(1).csv',
  'flows/{x}.csv',
  'flows/!x.csv',
  'other/a.csv',
  'flowsx/a.csv',
  'a.csv',
];

const PATTERNS = [
  'flows/*.csv',
  'flows/*.csv.gz',
  'flows/**/*.csv',
  'flows/**',
  'flows/*',
  '*',
  '**',
  '*/*.csv',
  'flows*/a.csv',
  'flows/2026-01-*/a.csv',
  'flows/2026-01-0[12]/*.csv',
  'flows/2026-01-0{1,2}/a.csv',
  'flows/{a,b}.csv*',
  'flows/?.csv',
  'flows/[ab].csv',
  'flows/[!ab].csv',
  'flows/\\[1\\].csv',
  'flows/.*.csv',
  'flows/**/.tmp/*',
  'flows/@(a|b).csv.gz',
  'flows/!(a).csv',
  'flows/+(a|b).csv',
  'flows/a?(.csv).gz',
  '!a.csv',
  '!(a).csv',
  'flows/**/x/*',
  'flows/{1..3}.csv',
  'flows/a*b.csv',
  'fl*',
];

describe('nameGlob', () => {
  const files = new TemporaryFiles();

  beforeEach(() => {
    for (const name of NAMES) files.write(name, '');
  });

  for (const pattern of PATTERNS) {
    it(`takes for ${pattern} the names that files have`, async () => {
      const below = `${escapePath(files.directory)}/${pattern}`;
      const found = await glob(below, { absolute: true, onlyFiles: true });
      const expected = found.map((path) => relative(files.directory, path)).sort();
      const { prefix, matches } = nameGlob(pattern);
      expect(NAMES.filter(matches).sort()).to.deep.equal(expected);
      for (const name of expected) expect(name.startsWith(prefix), prefix).to.equal(true);
    });
  }

  it('lists from the longest part that is fixed', () => {
    const prefixes = PATTERNS.map((pattern) => nameGlob(pattern).prefix);
    expect(nameGlob('flows/2026-01-*/a.csv').prefix).to.equal('flows/2026-01-');
    expect(nameGlob('flows/a.csv').prefix).to.equal('flows/a.csv');
    expect(prefixes).to.include('flows/a').and.include('');
  });

  it('takes no folder that is shown as an object', () => {
    expect(nameGlob('flows/**').matches('flows/x/')).to.equal(false);
  });

  it('knows globs as files do', () => {
    for (const pattern of [...PATTERNS, ...NAMES]) {
      expect(isGlob(pattern), pattern).to.equal(isDynamicPattern(pattern));
    }
  });
});
