import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { PassThroughClient } from 'google-auth-library';
import { parse } from 'yaml';
import { runCommandLine } from '../../launch/command-line.js';
import { CloudSchedules, type CloudOptions } from '../../launch/schedule/cloud.js';
import { calendarOf, parseCron } from '../../launch/schedule/cron.js';
import { cloudPlaceSchema, scheduleSchema } from '../../launch/schedule/definition.js';
import { withCaughtOutput } from '../evaluate/caught-output.js';

interface Resource {
  name: string;
  state?: string;
  [field: string]: unknown;
}

/** The part of the REST APIs of Cloud Run and Cloud Scheduler that schedules use. */
class ScheduleServer {
  readonly runJobs = new Map<string, Resource>();
  readonly triggers = new Map<string, Resource>();
  readonly requests: string[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      void (async () => {
        const pieces: Buffer[] = [];
        for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
        const text = Buffer.concat(pieces).toString();
        const url = new URL(request.url ?? '/', 'http://localhost');
        this.requests.push(`${request.method ?? ''} ${url.pathname}`);
        const body = (text === '' ? {} : JSON.parse(text)) as Resource;
        const [status, answer] = this.#do(request.method ?? '', url, body);
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(answer));
      })();
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get options(): CloudOptions {
    const { port } = this.#server.address() as AddressInfo;
    const authClient = new PassThroughClient();
    return {
      apiEndpoint: '127.0.0.1',
      port,
      protocol: 'http',
      authClient,
    } as unknown as CloudOptions;
  }

  #do(method: string, url: URL, body: Resource): [number, unknown] {
    const match = /^\/(v1|v2)\/([^:]*)(?::(.*))?$/.exec(url.pathname) ?? [];
    const [, version, path = '', action] = match as readonly (string | undefined)[];
    const jobs = version === 'v2' ? this.runJobs : this.triggers;
    const done = (job: Resource): unknown =>
      version === 'v2' ? { name: 'operations/1', done: true, response: typed(job) } : job;
    const notFound: [number, unknown] = [
      404,
      { error: { code: 404, status: 'NOT_FOUND', message: path } },
    ];
    if (method === 'POST' && action === undefined) {
      const name = version === 'v2' ? `${path}/${url.searchParams.get('jobId') ?? ''}` : body.name;
      const job = { ...body, name, ...(version === 'v1' ? { state: 'ENABLED' } : {}) };
      jobs.set(name, job);
      return [200, done(job)];
    }
    if (method === 'GET' && path.endsWith('/jobs')) return [200, { jobs: [...jobs.values()] }];
    const job = jobs.get(path);
    if (job === undefined) return notFound;
    if (action === 'pause') job.state = 'PAUSED';
    if (action === 'resume') job.state = 'ENABLED';
    if (method === 'PATCH') Object.assign(job, body);
    if (method === 'DELETE') jobs.delete(path);
    return [200, method === 'GET' || action !== undefined ? job : done(job)];
  }
}

function typed(job: Resource): object {
  return { '@type': 'type.googleapis.com/google.cloud.run.v2.Job', ...job };
}

const PLACE = cloudPlaceSchema.parse({
  project: 'fake-proj',
  region: 'us-central1',
  serviceAccount: 'launcher@fake-proj.iam.gserviceaccount.com',
  invoker: 'trigger@fake-proj.iam.gserviceaccount.com',
});
const NAME = 'projects/fake-proj/locations/us-central1/jobs/flowsieve-nightly';
const definition = (changes = {}) =>
  scheduleSchema.parse({
    name: 'nightly',
    cron: '0 3 * * *',
    args: ['deploy', '/config/flowsieve.yaml'],
    image: 'us-docker.pkg.dev/fake-proj/r/img:1',
    mounts: ['gs://cfg=/config'],
    ...changes,
  });

describe('schedules on Google Cloud', () => {
  let server: ScheduleServer;
  let schedules: CloudSchedules;
  beforeEach(async () => {
    server = new ScheduleServer();
    await server.start();
    schedules = new CloudSchedules(server.options);
  });
  afterEach(async () => {
    await schedules.close();
    await server.stop();
  });

  it('makes the job and its trigger; made again it changes them', async () => {
    expect(await schedules.create(PLACE, definition())).to.equal('created');
    expect(await schedules.create(PLACE, definition({ cron: '30 4 * * *' }))).to.equal('updated');
    expect([...server.runJobs.keys()]).to.deep.equal([NAME]);
    expect([...server.triggers.keys()]).to.deep.equal([NAME]);
    expect(server.triggers.get(NAME)).to.include({ schedule: '30 4 * * *', timeZone: 'Etc/UTC' });
    expect(server.triggers.get(NAME)?.['httpTarget']).to.deep.include({
      uri: `https://run.googleapis.com/v2/${NAME}:run`,
      // Enumerations go as numbers: POST.
      httpMethod: 1,
      oauthToken: {
        serviceAccountEmail: 'trigger@fake-proj.iam.gserviceaccount.com',
        scope: 'https://www.googleapis.com/auth/cloud-platform',
      },
    });
    const template = JSON.stringify(server.runJobs.get(NAME));
    expect(template).to.include('"args":["deploy","/config/flowsieve.yaml"]');
    expect(template).to.include('"bucket":"cfg"').and.include('"mountPath":"/config"');
    expect(template).to.include('launcher@fake-proj.iam.gserviceaccount.com');
  });

  it('paused until it is made again', async () => {
    await schedules.create(PLACE, definition());
    await schedules.pause(PLACE, 'nightly');
    expect(await schedules.list(PLACE)).to.deep.equal([
      { name: 'nightly', cron: '0 3 * * *', timeZone: 'Etc/UTC', state: 'paused', lastAttempt: '' },
    ]);
    await schedules.create(PLACE, definition());
    expect((await schedules.list(PLACE))[0].state).to.equal('enabled');
  });

  it('deleted with its job, and what is gone already is no error', async () => {
    await schedules.create(PLACE, definition());
    expect(await schedules.delete(PLACE, 'nightly')).to.equal(true);
    expect([server.runJobs.size, server.triggers.size]).to.deep.equal([0, 0]);
    expect(await schedules.delete(PLACE, 'nightly')).to.equal(false);
  });
});

describe('flowsieve schedule create', () => {
  const create = async (...flags: readonly string[]) => {
    const args = [
      'schedule',
      'create',
      'nightly',
      ...flags,
      '--',
      'run',
      'a b.yaml',
      '--now',
      '50%',
    ];
    return withCaughtOutput(() => runCommandLine(args));
  };

  it('--print systemd: a service and a timer, arguments as they were given', async () => {
    const { result, stdout } = await create('--cron', '*/30 3 * * 1-5', '--print', 'systemd');
    expect(result).to.equal(0);
    expect(stdout).to.include('ExecStart=/usr/bin/env flowsieve run "a b.yaml" --now 50%%\n');
    expect(stdout).to.include('OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 03:00,30:00 Etc/UTC\n');
  });

  it('--print kubernetes: a CronJob', async () => {
    const { result, stdout } = await create(
      ...['--cron', '0 3 * * *', '--print', 'kubernetes', '--image', 'ghcr.io/x/y:1'],
    );
    expect(result).to.equal(0);
    const { kind, spec } = parse(stdout) as { kind: string; spec: Record<string, unknown> };
    expect(kind).to.equal('CronJob');
    expect(spec).to.include({
      schedule: '0 3 * * *',
      timeZone: 'Etc/UTC',
      concurrencyPolicy: 'Forbid',
    });
    expect(JSON.stringify(spec)).to.include('"args":["run","a b.yaml","--now","50%"]');
  });

  it('--dry-run prints both requests', async () => {
    const { result, stdout } = await create(
      ...['--cron', '0 3 * * *', '--dry-run', '--image', 'ghcr.io/x/y:1', '--project', 'fake-proj'],
      ...['--region', 'us-central1', '--service-account', PLACE.serviceAccount],
    );
    expect(result).to.equal(0);
    const requests = JSON.parse(stdout) as Record<string, { name: string }>;
    expect(Object.values(requests).map(({ name }) => name)).to.deep.equal([NAME, NAME]);
  });

  it('what is wrong is told at once, and nothing is sent', async () => {
    const { result, stderr } = await create(
      ...['--cron', '61 3 * * *', '--time-zone', 'Mars/Base', '--memory', 'much'],
    );
    expect(result).to.equal(2);
    for (const flag of [
      'cron',
      'time-zone',
      'memory',
      'image',
      'project',
      'region',
      'service-account',
    ]) {
      expect(stderr).to.match(new RegExp(`^--${flag}: expected`, 'm'));
    }
  });
});

describe('times of cron', () => {
  for (const [cron, calendar] of [
    ['0 3 * * *', ['*-*-* 03:00:00 Etc/UTC']],
    ['5/20 */12 1 jan,jul *', ['*-01,07-01 00,12:05,25,45:00 Etc/UTC']],
    ['0 0 * * 7', ['Sun *-*-* 00:00:00 Etc/UTC']],
    ['0 0 1 * mon', ['*-*-01 00:00:00 Etc/UTC', 'Mon *-*-* 00:00:00 Etc/UTC']],
  ] as const) {
    it(`${cron} is ${calendar.join(' or ')}`, () => {
      expect(calendarOf(parseCron(cron)!, 'Etc/UTC')).to.deep.equal(calendar);
    });
  }

  for (const text of [
    '',
    '* * * *',
    '60 * * * *',
    '* * 0 * *',
    '*/0 * * * *',
    '5-1 * * * *',
    '@daily',
  ]) {
    it(`"${text}" is none`, () => expect(parseCron(text)).to.equal(undefined));
  }
});
