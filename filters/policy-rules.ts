import { CATEGORY_PATTERN } from '../reference/categories.js';
import { parsePortRule, PORT_FORMS, type PortRule } from './port-rule.js';
import { parseRemoteScope, REMOTE_FORMS, type RemoteScope } from './remote-scope.js';

/** What a customer bans, one rule, with the text as written and as normalised. */
export type PolicyRule =
  | { readonly kind: 'tag'; readonly written: string; readonly text: string; readonly tag: string }
  | {
      readonly kind: 'ports';
      readonly written: string;
      readonly text: string;
      readonly ports: PortRule;
    }
  | {
      readonly kind: 'endpoint' | 'network';
      readonly written: string;
      readonly text: string;
      readonly remote: RemoteScope;
    };

/** How a rule may be written, for messages. */
export const RULE_FORMS = `tag:NAME, ${PORT_FORMS}, ${REMOTE_FORMS}`;

/** Parses `tag:vendor-x`, `tcp/6881-6889`, `203.0.113.0/24`, `203.0.113.7`, `203.0.113.7:443`; undefined if it is none. */
export function parsePolicyRule(written: string): PolicyRule | undefined {
  const text = written.trim();
  if (text.startsWith('tag:')) {
    const tag = text.slice('tag:'.length);
    return CATEGORY_PATTERN.test(tag) ? { kind: 'tag', written, text, tag } : undefined;
  }
  const ports = parsePortRule(text);
  if (ports !== undefined) return { kind: 'ports', written, text: ports.text, ports };
  const remote = parseRemoteScope(text);
  if (remote === undefined) return undefined;
  return {
    kind: remote.port === undefined ? 'network' : 'endpoint',
    written,
    text: remote.text,
    remote,
  };
}
