/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a message says, so that "hey BOB look http://x/?id=1" and "Hey, Al: look http://x/?id=2" are the same:
 * the set of its words without digits, marks and the names of those it goes between, and its links.
 */
#pragma once
#include "base/view.h"

enum { WORDING_WORDS = 32, WORDING_LINKS = 4, WORDING_BANDS = 4, WORDING_SAMPLE_BYTES = 96 };

struct wording {
    uint32_t word[WORDING_WORDS]; /* hashes, rising, each once; of longer messages the smallest */
    unsigned words, letters;
    uint64_t link[WORDING_LINKS]; /* url_key() of each */
    unsigned links;
    char sample[WORDING_SAMPLE_BYTES]; /* the first link's host and path; of a text its length only */
};

/* `names`: accounts whose first part (before '@') is no word of the message. */
void wording_of(struct view text, const struct view *names, unsigned name_count, struct wording *out);

/* Words that both have, in percent of those that either has. */
unsigned wording_alike(const struct wording *a, const struct wording *b);

/* Four numbers, of which those who are alike most probably share one: to find candidates in a table. */
void wording_bands(const struct wording *w, uint64_t out[WORDING_BANDS]);
