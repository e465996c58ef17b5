/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words are runs of letters, case folded by ICU; ideographs and kana are a word each, since they stand
 * without spaces. Candidates are found by min-wise hashing (Broder, "On the resemblance and containment of
 * documents", 1997): for each of eight orders the first word of the set, in four pairs. Two sets with 80 % in
 * common share a pair with a probability of 98 %, with 30 % in common of 32 %; the sets themselves decide
 * then.
 */
#include "threat/wording.h"
#include "base/hash.h"
#include "base/text.h"
#include "threat/url.h"
#include <unicode/uchar.h>
#include <unicode/utf8.h>

enum { TEXT_LIMIT = 4096 /* bytes of a text that are read */, WORD_LETTERS = 32 };

static void add_word(struct wording *w, uint64_t hash)
{
    uint32_t word = (uint32_t)(hash ^ hash >> 32);
    unsigned at = 0;

    while (at < w->words && w->word[at] < word)
        at++;
    if (at == WORDING_WORDS || (at < w->words && w->word[at] == word))
        return;
    unsigned last = w->words < WORDING_WORDS ? w->words++ : WORDING_WORDS - 1;
    memmove(&w->word[at + 1], &w->word[at], (last - at) * sizeof w->word[0]);
    w->word[at] = word;
}

/* One word of letters, folded, from *at on. Its hash, 0: no letter stands there. */
static uint64_t next_word(struct view v, size_t *at, unsigned *out_letters)
{
    uint64_t hash = 0;
    unsigned letters = 0;

    while (*at < v.len) {
        int32_t i = (int32_t)*at, c;
        U8_NEXT(v.at, i, (int32_t)v.len, c);
        bool letter = c >= 0 && u_isalpha(c), alone = letter && u_charType(c) == U_OTHER_LETTER;
        if (!letter || (alone && letters > 0))
            break;
        *at = (size_t)i;
        if (letters++ < WORD_LETTERS)
            hash = hash_words((uint64_t)(uint32_t)u_foldCase(c, U_FOLD_CASE_DEFAULT), 1, hash);
        if (alone)
            break;
    }
    *out_letters = letters;
    return hash;
}

/* Words of a stretch without links. */
static void add_words(struct wording *w, struct view v, const uint64_t *skip, unsigned skip_count)
{
    size_t at = 0;

    while (at < v.len) {
        unsigned letters;
        uint64_t hash = next_word(v, &at, &letters);
        bool skipped = false;
        if (letters == 0) {
            int32_t i = (int32_t)at;
            U8_FWD_1(v.at, i, (int32_t)v.len);
            at = (size_t)i;
            continue;
        }
        for (unsigned i = 0; i < skip_count; i++)
            skipped |= skip[i] == hash;
        if (skipped)
            continue;
        w->letters += letters;
        add_word(w, hash);
    }
}

void wording_of(struct view text, const struct view *names, unsigned name_count, struct wording *out)
{
    enum { SKIPPED = 16 };
    uint64_t skip[SKIPPED];
    unsigned skips = 0;
    size_t at = 0, done = 0;
    struct url url;

    *out = (struct wording){ 0 };
    text = view_slice(text, 0, TEXT_LIMIT);
    for (unsigned i = 0; i < name_count; i++) {
        struct view name = view_slice(names[i], 0, view_find_byte(names[i], '@', 0));
        for (size_t n = 0; n < name.len && skips < SKIPPED; n++) {
            unsigned letters;
            uint64_t hash = next_word(name, &n, &letters);
            if (letters > 0)
                skip[skips++] = hash;
        }
    }
    struct text sample = TEXT(out->sample);
    while (url_next(text, &at, &url)) {
        if (url.bare && url.path.len < 2)
            continue; /* a file's name, as likely */
        add_words(out, view_slice(text, done, (size_t)(url.from.at - text.at)), skip, skips);
        done = at;
        add_word(out, hash_bytes(view_string(url.host), 2));
        if (out->links == WORDING_LINKS)
            continue;
        if (out->links == 0) {
            text_string(&sample, url.host);
            text_printable(&sample, url.path);
        }
        out->link[out->links++] = url_key(&url);
    }
    add_words(out, view_from(text, done), skip, skips);
    if (out->links == 0)
        text_format(&sample, "a text of %u words", out->words);
}

unsigned wording_alike(const struct wording *a, const struct wording *b)
{
    unsigned i = 0, k = 0, both = 0;

    while (i < a->words && k < b->words) {
        if (a->word[i] == b->word[k]) {
            both++, i++, k++;
        } else if (a->word[i] < b->word[k]) {
            i++;
        } else {
            k++;
        }
    }
    unsigned either = a->words + b->words - both;
    return either > 0 ? both * 100 / either : 0;
}

void wording_bands(const struct wording *w, uint64_t out[WORDING_BANDS])
{
    for (unsigned band = 0; band < WORDING_BANDS; band++) {
        uint64_t first[2] = { UINT64_MAX, UINT64_MAX };
        for (unsigned i = 0; i < w->words; i++) {
            for (unsigned k = 0; k < 2; k++) {
                uint64_t place = hash_words(w->word[i], band * 2 + k, 0x5bd1e995);
                first[k] = place < first[k] ? place : first[k];
            }
        }
        out[band] = hash_words(first[0], first[1], band);
    }
}
