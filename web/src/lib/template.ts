// SPDX-License-Identifier: Apache-2.0
// Templates of documents.
/** A template's places that are known already: whose policy it is, and where its readers sign. */
export const filled = (text: string, institution: string, origin: string) => text.replace(/https:\/\/console\.bank\.example/g, origin).replaceAll('[institution]', institution === '' ? '[institution]' : institution)
