import { expect } from 'chai';
import {
  namesWithin,
  parseDatedUri,
  spanOfFile,
  type DatedUri,
} from '../../launch/backfill/dated-uri.js';

function dated(uri: string): DatedUri {
  const parsed = parseDatedUri(uri);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.dated;
}

function names(uri: string, from: string, to: string): string[] {
  const span = { startMs: Date.parse(from), endMs: Date.parse(to) };
  return namesWithin(dated(uri), span).map((name) => name.uri);
}

/** The time that a file's name tells, `2026-01-02T05:00/2026-01-02T06:00`. */
function told(uri: string, day: string, path: string): string {
  const span = { startMs: Date.parse(day), endMs: Date.parse(day) + 86_400_000 };
  const [name] = namesWithin(dated(uri), span);
  const { startMs, endMs } = spanOfFile(dated(uri), name, path);
  return [startMs, endMs].map((ms) => new Date(ms).toISOString().slice(0, 16)).join('/');
}

describe('input URIs with dates', () => {
  it('give one name a day, whatever finer times they have', () => {
    expect(names('flows/%Y/%m/%d/nfcapd.%Y%m%d*', '2026-01-31', '2026-02-02')).to.deep.equal([
      'flows/2026/01/31/nfcapd.20260131*',
      'flows/2026/02/01/nfcapd.20260201*',
    ]);
    expect(names('%F/%j-%H%M.csv', '2024-12-30T22:00Z', '2024-12-31T01:00Z')).to.deep.equal([
      '2024-12-30/365-[0-9][0-9][0-9][0-9].csv',
      '2024-12-31/366-[0-9][0-9][0-9][0-9].csv',
    ]);
    expect(names('%Y-%m.csv', '2026-01-31', '2026-02-02')).to.deep.equal([
      '2026-01.csv',
      '2026-02.csv',
    ]);
    expect(names('100%%-%Y', '2026-01-31', '2026-02-02')).to.deep.equal(['100%-2026']);
  });

  it('tell the hour or minute of a file', () => {
    const nfcapd = 'flows/%Y/%m/%d/nfcapd.%Y%m%d%H%M';
    const path = '/data/flows/2026/01/02/nfcapd.202601020455';
    expect(told(nfcapd, '2026-01-02', path)).to.equal('2026-01-02T04:55/2026-01-02T04:56');
    const hourly = './*/%F/*-%Y%m%dT%H.csv';
    const other = '/data/x/2026-01-02/core-1-20260102T23.csv';
    expect(told(hourly, '2026-01-02', other)).to.equal('2026-01-02T23:00/2026-01-03T00:00');
  });

  it('take a file for one of the whole day where wildcards leave the hour open', () => {
    const day = '2026-01-02T00:00/2026-01-03T00:00';
    expect(told('%F*%H*.csv', '2026-01-02', '/d/2026-01-02-10-20.csv')).to.equal(day);
    expect(told('%F/%H/x-%H.csv', '2026-01-02', '/d/2026-01-02/04/x-05.csv')).to.equal(day);
    expect(told('%F-%H.csv', '2026-01-02', '/d/2026-01-02-77.csv')).to.equal(day);
  });

  it('are refused where they tell no date, with what is missing', () => {
    const problem = (uri: string): string => {
      const parsed = parseDatedUri(uri);
      return parsed.ok ? '' : parsed.message;
    };
    expect(problem('flows/*.csv')).to.match(/expected a path or glob with the date/);
    expect(problem('file:///flows/%F.csv')).to.match(/expected a path or glob with the date/);
    expect(problem('-')).to.match(/expected a path or glob with the date/);
    expect(problem('%Y/%d')).to.match(/expected %m beside %d/);
    expect(problem('%m-%d')).to.match(/expected %Y \(or %F\)/);
    expect(problem('%Y%m/%H')).to.match(/expected the day .* beside %H/);
    expect(problem('%F %M')).to.match(/expected %H beside %M/);
    expect(problem('%F/%s')).to.match(/no %s/);
    expect(problem('%F/%')).to.match(/no %\)/);
  });
});
