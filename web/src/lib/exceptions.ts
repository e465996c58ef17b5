// SPDX-License-Identifier: Apache-2.0
// What an exception is for, in words.
import { ACTIVITIES, CLASSES, word } from './words'

/** "WhatsApp", or "All of Messaging". */
export const whatOf = (one: { service: string | null; class: string | null }, names: ReadonlyMap<string, string>) =>
  one.service !== null ? (names.get(one.service) ?? one.service) : `All of ${word(CLASSES, one.class)}`
export const activitiesOf = (words: readonly string[]) => (words.length === 0 ? 'all of it' : words.map(one => word(ACTIVITIES, one).toLowerCase()).join(', '))
