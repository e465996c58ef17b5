/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for leaks, over texts whole or in pieces.
 *
 * Vectorscan tells the ends of words and patterns, and a pass of our own those of numbers; the checks look
 * around each. One place in a text is one number:
 * where a value of the customer data is also a card number, it is told as customer data.
 *
 * Pieces are gathered in a buffer, and searched when it is full. What ends in its last AHEAD bytes is left
 * for the next time, when what follows is there; and BEHIND bytes before are kept, so that every candidate is
 * judged in sight of all that its check may look at. A place is judged once, by where it ends.
 */
#include "content/leak.h"
#include "base/text.h"
#include "content/leak_check.h"
#include "content/leak_rules.h"
#include <stdlib.h>

enum {
    BUFFER = 64 * 1024,
    AHEAD = LEAK_AROUND,
    BEHIND = LEAK_PATTERN_MOST + 4 * LEAK_AROUND,
    STARS = 20, /* of a mask */
    SHOWN = 4,
};

/* The last match of an own pattern: told when no longer one can come. */
struct own_match {
    uint64_t from, to;
    bool held;
    char masked[LEAK_MASKED_BYTES];
};

struct leak_search {
    const struct leak_rules *rules;
    hs_scratch_t *scratch, *scratch_own;
    struct leak_finding *out;
    unsigned max, count;
    uint64_t numbers_done, bics_done; /* nothing before is part of a new one */
    struct own_match *own;

    /* The block under search: where in the text it begins, and what of it is judged now. */
    struct view block;
    uint64_t base;
    size_t judge_from, judge_to; /* ends behind the one, up to the other */

    size_t held;
    uint64_t judged; /* of the text */
    uint8_t buffer[BUFFER];
};

/* ---- findings ---- */

static bool is_kept(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c & 0xdf) >= 'A' && (c & 0xdf) <= 'Z') || c >= 0x80;
}

/* Letters and digits only; the last four at most, and never more than half. */
static void mask(struct view value, char out[LEAK_MASKED_BYTES])
{
    struct text t = text_over(out, LEAK_MASKED_BYTES);
    size_t characters = 0, at = value.len;

    for (size_t i = 0; i < value.len; i++)
        characters += is_kept(value.at[i]) && (value.at[i] & 0xc0) != 0x80;
    size_t shown = characters / 2 < SHOWN ? characters / 2 : SHOWN;
    for (size_t i = 0; i < STARS && i + shown < characters; i++)
        text_char(&t, '*');
    for (size_t seen = 0; seen < shown && at > 0;) {
        at--;
        seen += is_kept(value.at[at]) && (value.at[at] & 0xc0) != 0x80;
    }
    while (at < value.len) {
        size_t n = utf8_length(view_from(value, at));
        if (value.at[at] < 0x80 ? is_kept(value.at[at]) : n > 0)
            text_printable(&t, view_slice(value, at, at + n));
        at += n > 0 ? n : 1;
    }
}

static void tell(struct leak_search *s, enum leak_kind kind, const char *name, uint64_t offset,
                 const char *masked)
{
    if (s->count < s->max) {
        struct leak_finding *f = &s->out[s->count];
        *f = (struct leak_finding){ .kind = kind, .offset = offset };
        struct text n = TEXT(f->name), m = TEXT(f->masked);
        text_string(&n, name);
        text_string(&m, masked);
    }
    s->count++;
}

static void tell_range(struct leak_search *s, enum leak_kind kind, const char *name, size_t from, size_t to)
{
    char masked[LEAK_MASKED_BYTES];

    mask(view_slice(s->block, from, to), masked);
    tell(s, kind, name, s->base + from, masked);
}

/* ---- candidates ---- */

static bool wanted(const struct leak_search *s, enum leak_kind kind)
{
    return (s->rules->kinds >> kind & 1) != 0;
}

static bool is_digit_at(struct view t, size_t i)
{
    return i < t.len && t.at[i] >= '0' && t.at[i] <= '9';
}

/* Which kind of number ends here. */
static bool judge_number(const struct leak_search *s, size_t end, enum leak_kind *kind, struct leak_range *r)
{
    struct view t = s->block;
    const struct exact *exact = s->rules->exact;

    *r = (struct leak_range){ .name = "" };
    if (exact != NULL && exact_run(exact) > 0 && exact_find(exact, t, end, &r->from, &r->to)) {
        r->name = exact_name(exact);
        *kind = LEAK_EXACT;
        return true;
    }
    if (end < 4 || !is_digit_at(t, end - 2) || !is_digit_at(t, end - 3) || !is_digit_at(t, end - 4))
        return false;
    *kind = LEAK_CARD;
    if (wanted(s, LEAK_CARD) && leak_card(t, end, r))
        return true;
    *kind = LEAK_IBAN;
    if (wanted(s, LEAK_IBAN) && leak_iban(t, end, r))
        return true;
    *kind = LEAK_ABA;
    if (wanted(s, LEAK_ABA) && leak_aba(t, end, r))
        return true;
    *kind = LEAK_SSN;
    return wanted(s, LEAK_SSN) && leak_ssn(t, end, r);
}

static void on_number(struct leak_search *s, size_t end)
{
    struct leak_range r;
    enum leak_kind kind;

    if (!judge_number(s, end, &kind, &r) || s->base + r.from < s->numbers_done)
        return;
    s->numbers_done = s->base + r.to;
    tell_range(s, kind, r.name, r.from, r.to);
}

static void on_bic(struct leak_search *s, size_t end)
{
    size_t begin = end - (ascii_lower(s->block.at[end - 1]) == 'c' ? 3 : 5);
    size_t from = s->bics_done > s->base ? (size_t)(s->bics_done - s->base) : 0;
    struct leak_range r;

    if (leak_word_before(s->block, begin) || leak_word_at(s->block, end))
        return;
    while (leak_bic(s->block, end, from, &r)) {
        tell_range(s, LEAK_BIC, "", r.from, r.to);
        from = r.to;
        s->bics_done = s->base + r.to;
    }
}

static void on_mail(struct leak_search *s, size_t at)
{
    size_t from, to;

    if (exact_find_mail(s->rules->exact, s->block, at, &from, &to))
        tell_range(s, LEAK_EXACT, exact_name(s->rules->exact), from, to);
}

/* Where the keyword that ends at `end` begins: as many characters back, blanks of any number for a blank. */
static size_t keyword_start(struct view t, size_t end, const char *word)
{
    size_t at = end;

    for (size_t i = strlen(word); i > 0 && at > 0;) {
        i--;
        if (word[i] == ' ' || word[i] == '\t') {
            while (i > 0 && (word[i - 1] == ' ' || word[i - 1] == '\t'))
                i--;
            while (at > 0 && strchr(" \t\r\n\v\f", t.at[at - 1]) != NULL && t.at[at - 1] != '\0')
                at--;
            continue;
        }
        while (i > 0 && ((uint8_t)word[i] & 0xc0) == 0x80)
            i--;
        do
            at--;
        while (at > 0 && (t.at[at] & 0xc0) == 0x80);
    }
    return at;
}

/* Scripts that put no blanks between words: Chinese, Japanese, Thai and their neighbours have no borders. */
static bool is_unspaced(const char *at)
{
    uint8_t first = (uint8_t)at[0], second = first != 0 ? (uint8_t)at[1] : 0;

    return first >= 0xe3 || (first == 0xe2 && second >= 0xba) ||
           (first == 0xe0 && (second >= 0xb8 && second <= 0xbb));
}

static void on_keyword(struct leak_search *s, const struct leak_keyword *k, size_t end)
{
    size_t from = keyword_start(s->block, end, k->text), last = strlen(k->text) - 1;

    while (last > 0 && ((uint8_t)k->text[last] & 0xc0) == 0x80)
        last--;
    if ((!is_unspaced(k->text) && leak_word_at(s->block, from) && leak_word_before(s->block, from)) ||
        (!is_unspaced(k->text + last) && leak_word_before(s->block, end) && leak_word_at(s->block, end)))
        return;
    tell_range(s, LEAK_KEYWORD, k->name, from, end);
}

/* ---- own patterns ---- */

static void own_flush(struct leak_search *s, unsigned i)
{
    if (s->own[i].held)
        tell(s, LEAK_PATTERN, s->rules->own[i].name, s->own[i].from, s->own[i].masked);
    s->own[i].held = false;
}

struct start_wanted {
    size_t end, start;
    bool found;
};

static int on_start(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context)
{
    struct start_wanted *w = context;

    (void)id;
    (void)flags;
    if (to == w->end && (!w->found || from < w->start)) {
        w->start = (size_t)from;
        w->found = true;
    }
    return 0;
}

/* A pattern ends here, perhaps not for the last time: of those that overlap the longest from the leftmost
 * start is one finding. */
static void on_own(struct leak_search *s, unsigned i, size_t end)
{
    const struct leak_own *own = &s->rules->own[i];
    /* A byte more on either side, for borders of words and lines. */
    size_t first = end > own->longest + 4 ? end - own->longest - 4 : 0;
    struct view around = view_slice(s->block, first, end + 4);
    struct start_wanted w = { .end = end - first };
    struct own_match *m = &s->own[i];

    (void)hs_scan(own->exactly, (const char *)around.at, (unsigned)around.len, 0, s->scratch_own, on_start,
                  &w);
    if (!w.found)
        return;
    uint64_t from = s->base + first + w.start, to = s->base + end;
    if (m->held && from >= m->to)
        own_flush(s, i);
    if (!m->held)
        m->from = from;
    m->held = true;
    m->to = to;
    if (m->from >= s->base)
        mask(view_slice(s->block, (size_t)(m->from - s->base), end), m->masked);
}

/* ---- blocks ---- */

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context)
{
    struct leak_search *s = context;
    size_t end = (size_t)to;

    (void)from;
    (void)flags;
    if (end <= s->judge_from || end > s->judge_to)
        return 0;
    if (id == EVENT_BIC)
        on_bic(s, end);
    else if (id - EVENT_COUNT < s->rules->own_count)
        on_own(s, id - EVENT_COUNT, end);
    else
        on_keyword(s, &s->rules->keyword[id - EVENT_COUNT - s->rules->own_count], end);
    return 0;
}

/* Of eight bytes those that are digits, as their highest bits. */
static uint64_t digits_of(const uint8_t *at)
{
    uint64_t x;

    memcpy(&x, at, sizeof x);
    x ^= 0x3030303030303030u;
    return ~(((x & 0x7f7f7f7f7f7f7f7fu) + 0x7676767676767676u) | x) & 0x8080808080808080u;
}

/* The first digit at or behind `at` that stands at a place which `step` (2 or 4) divides. */
static size_t next_sampled(struct view t, size_t at, size_t step)
{
    uint64_t sampled = step == 4 ? 0x0000008000000080u : 0x0080008000800080u;

    at = (at + step - 1) / step * step;
    for (; at + 32 <= t.len; at += 32) {
        uint64_t any = digits_of(t.at + at) | digits_of(t.at + at + 8) | digits_of(t.at + at + 16) |
                       digits_of(t.at + at + 24);
        if ((any & sampled) != 0)
            break;
    }
    for (; at + 8 <= t.len; at += 8) {
        uint64_t digits = digits_of(t.at + at) & sampled;
        if (digits != 0)
            return at + (size_t)__builtin_ctzll(digits) / 8;
    }
    while (at < t.len && !is_digit_at(t, at))
        at += step;
    return at < t.len ? at : t.len;
}

static bool is_separated_pair(struct view t, size_t start)
{
    return start >= 3 && t.at[start - 1] != '\0' && strchr(" ./-", t.at[start - 1]) != NULL &&
           is_digit_at(t, start - 2) && is_digit_at(t, start - 3);
}

/* Two digits behind two more pairs, as the shortest value in pairs ends: not "10-12", not "14.30". */
static bool ends_pairs(struct view t, size_t start, size_t end)
{
    return end - start == 2 && is_separated_pair(t, start) && is_separated_pair(t, start - 3);
}

static void judge_end(struct leak_search *s, size_t end)
{
    if (end > s->judge_from && end <= s->judge_to)
        on_number(s, end);
}

/* Three pairs are eight bytes, and one of the two in them that four divides is a digit: the first digit that
 * is met is in one of the first three. Judge each end from there on; returns the last. */
static size_t search_pairs(struct leak_search *s, size_t start, size_t end)
{
    struct view t = s->block;

    for (;;) {
        if (ends_pairs(t, start, end))
            judge_end(s, end);
        if (!is_digit_at(t, end + 1) || !is_digit_at(t, end + 2) || is_digit_at(t, end + 3) ||
            !is_separated_pair(t, end + 1))
            return end;
        start = end + 1;
        end += 3;
    }
}

static void search_numbers(struct leak_search *s)
{
    const struct leak_rules *r = s->rules;
    struct view t = s->block;
    size_t step = r->run < 4 ? 2 : 4, at = s->judge_from > 8 ? s->judge_from - 8 : 0;

    while ((at = next_sampled(t, at, step)) < s->judge_to) {
        size_t start = at, end = at + 1;
        while (start > 0 && at - start < step && is_digit_at(t, start - 1))
            start--;
        while (is_digit_at(t, end))
            end++;
        if (end - start >= r->run)
            judge_end(s, end);
        else if (end - start == 2 && r->pairs)
            end = search_pairs(s, start, end);
        at = end;
    }
}

static void search_mail(struct leak_search *s)
{
    for (size_t at = s->judge_from; (at = view_find_byte(s->block, '@', at)) < s->judge_to; at++)
        on_mail(s, at);
}

/* Words and patterns end in what is judged now, an '@' is in it. */
static void search(struct leak_search *s, struct view block, uint64_t base, size_t judge_to)
{
    s->block = block;
    s->base = base;
    s->judge_from = (size_t)(s->judged - base);
    s->judge_to = judge_to;
    s->judged = base + judge_to;
    if (s->rules->run > 0)
        search_numbers(s);
    if (s->rules->mail)
        search_mail(s);
    if (s->rules->database != NULL && block.len > 0)
        (void)hs_scan(s->rules->database, (const char *)block.at, (unsigned)block.len, 0, s->scratch,
                      on_match, s);
}

/* ---- texts ---- */

bool leak_search_new(const struct leak_rules *r, struct leak_search **out, struct imw_error_info *err)
{
    struct leak_search *s = calloc(1, sizeof *s);
    bool ok = s != NULL;

    if (ok) {
        s->rules = r;
        s->own = calloc(r->own_count + 1, sizeof *s->own);
        ok = s->own != NULL &&
             (r->scratch == NULL || (hs_clone_scratch(r->scratch, &s->scratch) == HS_SUCCESS &&
                                     hs_clone_scratch(r->scratch, &s->scratch_own) == HS_SUCCESS));
    }
    if (!ok) {
        leak_search_free(s);
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the search for leaks");
    }
    *out = s;
    return true;
}

void leak_search_free(struct leak_search *s)
{
    if (s == NULL)
        return;
    hs_free_scratch(s->scratch);
    hs_free_scratch(s->scratch_own);
    free(s->own);
    free(s);
}

void leak_begin(struct leak_search *s, struct leak_finding *out, unsigned max)
{
    s->out = out;
    s->max = max;
    s->count = 0;
    s->numbers_done = s->bics_done = s->judged = 0;
    s->held = 0;
    s->base = 0;
    for (unsigned i = 0; i < s->rules->own_count; i++)
        s->own[i].held = false;
}

/* Judge what can be judged, and keep what is before and behind it. */
static void judge_buffer(struct leak_search *s)
{
    search(s, view_of(s->buffer, s->held), s->base, s->held - AHEAD);
    size_t drop = s->held - AHEAD - BEHIND;
    memmove(s->buffer, s->buffer + drop, s->held - drop);
    s->held -= drop;
    s->base += drop;
}

void leak_more(struct leak_search *s, struct view text)
{
    while (text.len > 0) {
        size_t n = text.len < sizeof s->buffer - s->held ? text.len : sizeof s->buffer - s->held;
        memcpy(s->buffer + s->held, text.at, n);
        s->held += n;
        text = view_from(text, n);
        if (s->held == sizeof s->buffer)
            judge_buffer(s);
    }
}

static int by_offset(const void *a, const void *b)
{
    const struct leak_finding *x = a, *y = b;

    return x->offset != y->offset ? (x->offset > y->offset) - (x->offset < y->offset)
                                  : (x->kind > y->kind) - (x->kind < y->kind);
}

static unsigned finish(struct leak_search *s)
{
    for (unsigned i = 0; i < s->rules->own_count; i++)
        own_flush(s, i);
    unsigned told = s->count < s->max ? s->count : s->max;
    if (told > 1)
        qsort(s->out, told, sizeof *s->out, by_offset);
    return s->count;
}

unsigned leak_end(struct leak_search *s)
{
    search(s, view_of(s->buffer, s->held), s->base, s->held);
    return finish(s);
}

unsigned leak_find(struct leak_search *s, struct view text, struct leak_finding *out, unsigned max)
{
    leak_begin(s, out, max);
    /* In blocks that fit a cache, since each is read more than once. */
    for (size_t done = 0; done < text.len || done == 0;) {
        size_t from = done > BEHIND ? done - BEHIND : 0;
        size_t to = text.len - done > BUFFER + AHEAD ? done + BUFFER : text.len;
        search(s, view_slice(text, from, to < text.len ? to + AHEAD : to), from, to - from);
        done = to > 0 ? to : 1;
    }
    return finish(s);
}
