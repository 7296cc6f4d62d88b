/** Where people look at a job. */
export function consoleUrl(project: string, region: string, jobId: string): string {
  const path = [region, jobId].map(encodeURIComponent).join('/');
  return `https://console.cloud.google.com/dataflow/jobs/${path}?project=${encodeURIComponent(project)}`;
}
