/**
 * TCP ports on which servers are met, whatever the number says: what below-1024 and ephemeral-port
 * rules would get wrong or only weakly right. None from 32768 on, where systems number clients.
 * Source: IANA service names registry and the open-port frequencies of nmap-services.
 */
const KNOWN_PORTS: readonly number[] = [
  20, 21, 22, 23, 25, 43, 53, 79, 80, 88, 110, 111, 113, 119, 135, 139, 143, 179, 194, 389, 427,
  443, 444, 445, 465, 500, 502, 512, 513, 514, 515, 543, 544, 548, 554, 563, 587, 593, 631, 636,
  646, 853, 860, 873, 902, 989, 990, 992, 993, 995, 1080, 1194, 1433, 1434, 1521, 1723, 1883, 2049,
  2181, 2375, 2376, 2379, 2380, 2404, 3128, 3260, 3268, 3269, 3306, 3389, 3478, 4369, 4443, 4786,
  5000, 5060, 5061, 5222, 5223, 5228, 5269, 5432, 5555, 5601, 5671, 5672, 5800, 5900, 5901, 5984,
  5985, 5986, 6379, 6443, 6514, 6660, 6667, 6697, 6881, 7001, 7547, 8000, 8008, 8080, 8081, 8088,
  8089, 8443, 8530, 8531, 8545, 8834, 8883, 8888, 9000, 9001, 9030, 9042, 9090, 9092, 9100, 9200,
  9300, 9418, 9443, 10000, 10250, 11211, 15672, 20000, 25565, 27017, 27018, 32400,
];

const known = new Uint8Array(65536);
for (const port of KNOWN_PORTS) known[port] = 1;

/** Whether servers are known to listen on the TCP port. */
export function isKnownService(port: number): boolean {
  return known[port] === 1;
}
