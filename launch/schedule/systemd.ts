import { calendarOf } from './cron.js';
import type { Schedule } from './definition.js';

/** A systemd service and its timer, as two files with their names. */
export function systemdUnits(
  schedule: Schedule,
): { readonly name: string; readonly text: string }[] {
  const { name, cron, timeZone, args, timeoutSeconds } = schedule;
  const unit = `flowsieve-${name}`;
  const times = calendarOf(cron, timeZone).map((line) => `OnCalendar=${line}`);
  return [
    {
      name: `${unit}.service`,
      text: [
        '[Unit]',
        `Description=flowsieve ${name}`,
        'Wants=network-online.target',
        'After=network-online.target',
        '',
        '[Service]',
        'Type=oneshot',
        'DynamicUser=yes',
        `StateDirectory=${unit}`,
        `WorkingDirectory=%S/${unit}`,
        `ExecStart=/usr/bin/env flowsieve ${args.map(argument).join(' ')}`,
        `TimeoutStartSec=${timeoutSeconds}`,
        'NoNewPrivileges=yes',
        'ProtectSystem=strict',
        'ProtectHome=read-only',
        '',
      ].join('\n'),
    },
    {
      name: `${unit}.timer`,
      text: [
        '[Unit]',
        `Description=Times of flowsieve ${name}`,
        '',
        '[Timer]',
        ...times,
        '# A time at which the machine was off is made up for.',
        'Persistent=true',
        '',
        '[Install]',
        'WantedBy=timers.target',
        '',
      ].join('\n'),
    },
  ];
}

/** An argument of ExecStart=: quoted, and neither a specifier (%) nor a variable ($). */
function argument(text: string): string {
  const escaped = text.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w./:=@,+%-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}
