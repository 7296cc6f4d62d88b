import { stringify } from 'yaml';
import type { Schedule } from './definition.js';

/** A Kubernetes CronJob. Buckets are mounted by the driver of GKE; elsewhere put other volumes there. */
export function cronJob(schedule: Schedule): string {
  const { name, cron, timeZone, args, image, cpu, memory, mounts, timeoutSeconds } = schedule;
  const unit = `flowsieve-${name}`;
  const labels = { 'app.kubernetes.io/name': 'flowsieve', 'app.kubernetes.io/instance': name };
  const volumes = mounts.map(({ bucket }, i) => ({
    name: `bucket-${i + 1}`,
    csi: {
      driver: 'gcsfuse.csi.storage.gke.io',
      readOnly: true,
      volumeAttributes: { bucketName: bucket },
    },
  }));
  const annotations = mounts.length === 0 ? {} : { annotations: { 'gke-gcsfuse/volumes': 'true' } };
  return stringify({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: unit, labels },
    spec: {
      schedule: cron.text,
      timeZone,
      // A run that takes longer than a day does not meet the next one.
      concurrencyPolicy: 'Forbid',
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: {
        spec: {
          backoffLimit: 0,
          activeDeadlineSeconds: timeoutSeconds,
          template: {
            metadata: { labels, ...annotations },
            spec: {
              restartPolicy: 'Never',
              securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
              containers: [
                {
                  name: 'flowsieve',
                  image,
                  args: [...args],
                  resources: { requests: { cpu, memory }, limits: { memory } },
                  securityContext: {
                    allowPrivilegeEscalation: false,
                    capabilities: { drop: ['ALL'] },
                  },
                  ...(mounts.length === 0
                    ? {}
                    : {
                        volumeMounts: mounts.map(({ path }, i) => ({
                          name: `bucket-${i + 1}`,
                          mountPath: path,
                          readOnly: true,
                        })),
                      }),
                },
              ],
              ...(volumes.length === 0 ? {} : { volumes }),
            },
          },
        },
      },
    },
  });
}
