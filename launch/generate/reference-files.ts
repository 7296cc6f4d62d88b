import {
  COUNTRY_PREFIXES,
  CUSTOMERS,
  ROUTED_PREFIXES,
  SHARED_PREFIXES,
  VENDOR_PREFIXES,
} from './topology.js';

/** Feeds that scenarios add entries to. */
export type ListName = 'c2' | 'malware' | 'attackers' | 'tor' | 'vpn' | 'honeypots';

/** One service that a scan found. */
export interface InventoryRow {
  readonly ip: string;
  readonly port: number;
  readonly service: string;
  readonly tags: readonly string[];
}

/** An exception of the analyst, as suppressions.yaml has it. */
export interface SuppressionRow {
  readonly customer: string;
  readonly filter: string;
  readonly remote: string;
  readonly reason: string;
}

/** What the reference files of a generated network will hold; scenarios fill it. */
export class ReferenceEntries {
  readonly lists: Readonly<Record<ListName, string[]>> = {
    c2: [],
    malware: [],
    attackers: [],
    tor: [],
    vpn: [],
    honeypots: [],
  };
  readonly inventory: InventoryRow[] = [];
  readonly suppressions: SuppressionRow[] = [];
  readonly #taken = new Map<string, number>();

  /** The next number of a counter: no two scenarios share an address. */
  take(counter: string): number {
    const index = this.#taken.get(counter) ?? 0;
    this.#taken.set(counter, index + 1);
    return index;
  }
}

/** A file of a generated network: its path in it, with `/`, and its content. */
export interface NetworkFile {
  readonly path: string;
  readonly text: string;
}

const LIST_NOTES: Readonly<Record<ListName, string>> = {
  c2: 'command-and-control servers',
  malware: 'malware distribution',
  attackers: 'who scans and guesses passwords',
  tor: 'Tor exits',
  vpn: 'VPN exits',
  honeypots: 'honeypots',
};

/** Dates of the made-up scan. */
const SCAN_FIRST = '2025-01-06';
const SCAN_LAST = '2025-03-02';

/** All files but flows, labels and configuration. */
export function referenceFiles(entries: ReferenceEntries): readonly NetworkFile[] {
  const lists = (Object.keys(entries.lists) as ListName[]).map((name) => ({
    path: `${name}.txt`,
    text: listText(LIST_NOTES[name], entries.lists[name]),
  }));
  const countries = Object.entries(COUNTRY_PREFIXES).flatMap(([code, prefixes]) =>
    (
      [
        ['ipv4', prefixes.filter((prefix) => !prefix.includes(':'))],
        ['ipv6', prefixes.filter((prefix) => prefix.includes(':'))],
      ] as const
    )
      .filter(([, of]) => of.length > 0)
      .map(([family, of]) => ({
        path: `country/${code}/${family}-aggregated.txt`,
        text: listText(`prefixes of ${code.toUpperCase()}`, of),
      })),
  );
  return [
    { path: 'customers.csv', text: customersText() },
    ...lists,
    { path: 'vendor-x.txt', text: listText('networks of vendor X', VENDOR_PREFIXES) },
    { path: 'clouds.txt', text: listText('shared cloud and content networks', SHARED_PREFIXES) },
    { path: 'routed.txt', text: listText('announced prefixes', ROUTED_PREFIXES) },
    ...countries,
    { path: 'inventory.csv', text: inventoryText(entries.inventory) },
    { path: 'scanned.csv', text: scannedText() },
    { path: 'suppressions.yaml', text: suppressionsText(entries.suppressions) },
  ];
}

function listText(note: string, lines: readonly string[]): string {
  return `# generated: ${note}\n${[...new Set(lines)].map((line) => `${line}\n`).join('')}`;
}

function customersText(): string {
  const lines = CUSTOMERS.flatMap(({ id, prefixes }) =>
    prefixes.map(({ cidr, exclusive }) => `${id},${cidr},${exclusive ? 'true' : ''}\n`),
  );
  return `customer,cidr,exclusive\n${lines.join('')}`;
}

function inventoryText(rows: readonly InventoryRow[]): string {
  const lines = rows.map(
    ({ ip, port, service, tags }) =>
      `${ip},${port},tcp,${service},${tags.join(';')},${SCAN_FIRST},${SCAN_LAST}\n`,
  );
  return `ip,port,protocol,service,tags,seen-first,seen-last\n${lines.join('')}`;
}

function scannedText(): string {
  const lines = ROUTED_PREFIXES.map((cidr) => `${cidr},1-65535,tcp,${SCAN_FIRST},${SCAN_LAST}\n`);
  return `cidr,ports,protocol,first,last\n${lines.join('')}`;
}

function suppressionsText(rows: readonly SuppressionRow[]): string {
  if (rows.length === 0) return '[]\n';
  return rows
    .map(
      ({ customer, filter, remote, reason }) =>
        `- customer: ${customer}\n  filter: ${filter}\n  remote: ${JSON.stringify(remote)}\n` +
        `  reason: ${reason}\n  owner: generated\n  expires: "2099-12-31"\n`,
    )
    .join('');
}
