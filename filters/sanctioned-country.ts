import { z } from 'zod';
import { REASON_CONFIDENCE } from '../pipeline/codes.js';
import { neverRemote } from '../reference/special-addresses.js';
import { defineFilter } from './filter.js';
import { nameSome, whoTalked } from './sentence.js';

const code = z
  .string({ error: 'expected a country code of two letters' })
  .regex(/^[A-Za-z]{2}$/, { error: 'expected a country code of two letters' })
  .transform((text) => text.toUpperCase());

const countryList = z.array(code, { error: 'expected a list of country codes' });

const NOT_LISTED = 0;
const COMPREHENSIVE = 1;
const WATCHED = 2;

/**
 * A host of yours exchanged data with an address in a country on your sanctions list.
 *
 * In: established conversations, whichever side the customer is (the finding says which).
 * Out: at most one a conversation; indicator `country:IR`.
 * Source: the user's dated list. There is no official list of countries: sanctions name persons,
 * goods and regions; the default holds only programmes that cover a whole country.
 * Known false positives: addresses used outside the country they are registered in; anycast and
 * CDN ranges (low confidence); visitors of a public web server (customer is the server: a severity less).
 */
export const sanctionedCountry = defineFilter({
  id: 'sanctioned-country',
  needsOneOf: ['remoteCountry'],
  attempts: false,
  // The side may still flip while records come in, and with it service and severity.
  early: true,

  policy: z.strictObject({
    /** ISO 3166-1 alpha-2. The comprehensive US programmes on the date of `asOf`; Syria's ended on 2025-06-30. */
    countries: countryList
      .default(['CU', 'IR', 'KP'])
      .describe('countries under comprehensive sanctions; any contact is high severity'),
    /** ISO 3166-1 alpha-2. Partial programmes are each user's choice, so none. */
    watch: countryList
      .default([])
      .describe('countries to look at; a severity less than `countries`'),
    /** Date of the list: lists age, and a reader must be able to see how old this one is. */
    asOf: z
      .string({ error: 'expected a date YYYY-MM-DD' })
      .regex(/^\d{4}-\d{2}-\d{2}$/, { error: 'expected a date YYYY-MM-DD' })
      .default('2025-07-01')
      .describe('date of the two lists'),
  }),

  describe: ({ countries, watch, asOf }) =>
    `Conversations with addresses in ${nameAll(countries)}` +
    `${watch.length > 0 ? `, and with less weight in ${nameAll(watch)}` : ''} (list of ${asOf}).`,

  prepare({ countries, watch }, reference) {
    const { codes, feed, feedVersion } = reference.countries;
    const tierOfCountry = new Uint8Array(codes.length);
    codes.forEach((country, id) => {
      if (country === '') return;
      if (watch.includes(country)) tierOfCountry[id] = WATCHED;
      if (countries.includes(country)) tierOfCountry[id] = COMPREHENSIVE;
    });
    return { tierOfCountry, feed, feedVersion };
  },

  detect(conversation, { tierOfCountry, feed, feedVersion }) {
    const { customer, remote } = conversation;
    const tier = tierOfCountry[remote.countryId];
    if (tier === NOT_LISTED || neverRemote(remote.special)) return undefined;
    const unsure = remote.shared || REASON_CONFIDENCE[conversation.reason] === 'low';
    const outbound = customer.role === 'client';
    return {
      severity:
        tier === COMPREHENSIVE ? (outbound ? 'high' : 'medium') : outbound ? 'medium' : 'low',
      // Never high: registries name the holder's country, not where the machine stands.
      confidence: unsure || customer.role === 'unknown' ? 'low' : 'medium',
      indicator: `country:${remote.country}`,
      evidence: [
        {
          type: 'country',
          country: remote.country,
          feed,
          feedVersion,
          sharedAddress: remote.shared,
        },
      ],
    };
  },

  summarize(finding) {
    const countries = finding.evidence.flatMap((entry) =>
      entry.type === 'country' ? [entry.country] : [],
    );
    return `${whoTalked(finding)}; the remote is in ${nameSome(countries)}, which is on your list of countries.`;
  },
});

function nameAll(countries: readonly string[]): string {
  return countries.length === 0 ? 'no country' : countries.join(', ');
}
