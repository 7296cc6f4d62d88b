/**
 * The flags that Beam's engines start a worker's container with, and no others.
 * Source: Beam's SDK harness container contract; the boot programs of its Java, Python and Go SDKs
 * (boot.go of each).
 */
const CONTRACT = [
  'id',
  'provision_endpoint',
  'control_endpoint',
  'logging_endpoint',
  'artifact_endpoint',
  'semi_persist_dir',
];

/**
 * The command line of flowsieve that a container's arguments ask for: `worker` with them all where
 * they begin with a flag of the container contract (`--id=1 --provision_endpoint=HOST:PORT`), in
 * any order; else themselves.
 */
export function containerCommand(args: readonly string[]): readonly string[] {
  const flag = /^--([a-z_]+)(=|$)/.exec(args[0] ?? '');
  return flag !== null && CONTRACT.includes(flag[1]) ? ['worker', ...args] : args;
}
