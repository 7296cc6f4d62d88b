/**
 * The pane of what fires once.
 *
 * Fault: the SDK decodes its ONE_AND_ONLY_FIRING from 0x09, which is "first, not last, late". The
 * model's pane of a single firing is 0x0f: first and last, timing unknown. Its own direct runner
 * hands that object on, so it is put right in place.
 */
import './prepare.js';
import 'apache-beam';
import { PaneInfoCoder } from 'apache-beam/coders/standard_coders';
import { Timing, type PaneInfo } from 'apache-beam/values';

const pane: PaneInfo = PaneInfoCoder.ONE_AND_ONLY_FIRING;
pane.isFirst = true;
pane.isLast = true;
pane.timing = Timing.UNKNOWN;

/** First and last of its window: nothing comes after it. */
export const ONLY_PANE: PaneInfo = pane;
