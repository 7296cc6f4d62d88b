import { randomUUID } from 'node:crypto';
import { DataflowError, type DataflowClient } from './client.js';
import { jobBody, type DataflowJob, type JobParts } from './job-body.js';

/** A job of that name runs already, or another one took its place. */
export class JobExistsError extends Error {
  override readonly name = 'JobExistsError';
}

export type SubmittedJob = DataflowJob & { readonly id: string };

/** A request id that no other request has. */
export function newRequestId(): string {
  return randomUUID();
}

/**
 * Creates the job, or has it take the place of another. Sent again after a lost answer it makes no
 * second job: the request id tells the service that it is the same. Throws a JobExistsError where
 * another job has the name (the service says so by 409, or by answering with that job), and a
 * DataflowError where the service refuses.
 */
export async function submitJob(client: DataflowClient, parts: JobParts): Promise<SubmittedJob> {
  return sendJob(client, jobBody(parts));
}

/** As `submitJob`, of a body that is there already. */
export async function sendJob(client: DataflowClient, body: DataflowJob): Promise<SubmittedJob> {
  const { name = '', clientRequestId, replaceJobId } = body;
  let job: DataflowJob;
  try {
    job = await client.create(body);
  } catch (error) {
    if (!(error instanceof DataflowError) || error.status !== 409) throw error;
    const there = await client.active(name);
    const whole = there === undefined ? undefined : await client.get(there.id, { all: true });
    // The answer to the first request was lost, and this is the job that it made.
    if (there !== undefined && whole?.clientRequestId === clientRequestId) return there;
    throw exists(name, there?.id, replaceJobId);
  }
  const { id } = job;
  if (id === undefined) throw new Error(`the service answered without a job id for ${name}`);
  if (job.clientRequestId !== undefined && job.clientRequestId !== clientRequestId) {
    throw exists(name, id, replaceJobId);
  }
  return { ...job, id };
}

function exists(
  name: string,
  id: string | undefined,
  replaced: string | undefined,
): JobExistsError {
  const other = id === undefined ? '' : ` (${id})`;
  if (replaced !== undefined) {
    return new JobExistsError(`job ${replaced} was already replaced by another one${other}`);
  }
  return new JobExistsError(
    `a job named ${name} is active already${other}: update it by "flowsieve deploy", drain or cancel it by "flowsieve dataflow", or take another --job-name`,
  );
}
