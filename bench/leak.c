/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast one thread searches chat for leaks, and how often chance alone looks like one.
 *
 *     bench_leak [-m MIB] [-k KEYWORDS] [-e EXACT_ROWS] [-b KINDS_AS_BITS]
 *
 * The text is made up: messages of common words, with times, prices, links and telephone numbers about as
 * often as people write them, two digits in a hundred bytes; the keywords are
 * pairs of words that do not stand in it, the rows numbers of ten digits, of which few do. Nothing to be
 * found is put in, so whatever is found in it is a false alarm.
 *
 * Output: JSON on one line.
 */
#include "content/leak.h"
#include "base/text.h"
#include "content/exact.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { NUMBERS = 1000000, FOUND = 1000, ROUNDS = 15 };

/* Of this thread's own, whatever else runs. */
static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static const char *const words[] = {
    "the",
    "you",
    "i",
    "to",
    "a",
    "it",
    "and",
    "that",
    "is",
    "of",
    "what",
    "in",
    "me",
    "this",
    "we",
    "for",
    "on",
    "have",
    "do",
    "my",
    "was",
    "not",
    "be",
    "are",
    "don't",
    "so",
    "just",
    "can",
    "your",
    "with",
    "but",
    "all",
    "know",
    "they",
    "good",
    "there",
    "what's",
    "like",
    "how",
    "at",
    "about",
    "here",
    "one",
    "think",
    "ok",
    "yeah",
    "lol",
    "haha",
    "thanks",
    "meeting",
    "tomorrow",
    "today",
    "morning",
    "client",
    "desk",
    "call",
    "price",
    "deal",
    "report",
    "office",
    "lunch",
    "later",
    "please",
    "send",
    "file",
    "see",
    "back",
    "when",
    "maybe",
    "really",
    "still",
    "time",
    "work",
    "going",
    "want",
    "right",
    "before",
    "after",
    "could",
    "would",
    "should",
    "because",
    "anything",
    "everything",
    "nothing",
    "people",
    "week",
    "month",
    "numbers",
    "account",
    "transfer",
    "card",
    "bank",
    "order",
    "confirm",
    "confirmed",
    "received",
    "invoice",
    "question",
    "problem",
    "caf\xc3\xa9",
    "na\xc3\xafve",
    "\xf0\x9f\x98\x80",
    "\xf0\x9f\x91\x8d",
    "swiftly",
    "quarter",
    "market",
};

enum { WORDS = sizeof words / sizeof words[0] };

static unsigned pick(uint64_t *random, unsigned of)
{
    return (unsigned)(next_random(random) % of);
}

static void put_number(struct text *t, uint64_t *random)
{
    switch (pick(random, 12)) {
    case 0: text_format(t, "%u:%02u", pick(random, 24), pick(random, 60)); break;
    case 1: text_format(t, "$%u.%02u", pick(random, 2000), pick(random, 100)); break;
    case 2: text_format(t, "%u", 1990 + pick(random, 40)); break;
    case 3: text_format(t, "(212) 555-%04u", pick(random, 10000)); break;
    case 4: text_format(t, "+44 20 7946 %04u", pick(random, 10000)); break;
    case 5:
        text_format(t, "https://example.com/item/%08u?ref=%x", pick(random, 100000000),
                    pick(random, 1 << 30));
        break;
    case 6: text_format(t, "#%u", pick(random, 1000000)); break;
    case 7:
        text_format(t, "%02u/%02u/%u", 1 + pick(random, 12), 1 + pick(random, 28), 2020 + pick(random, 7));
        break;
    default: text_format(t, "%u", pick(random, 100)); break;
    }
}

static void make_text(struct text *t, uint64_t *random)
{
    while (t->len + 256 < t->size) {
        for (unsigned n = 3 + pick(random, 20); n > 0; n--) {
            /* The common words stand first, and are taken more often. */
            unsigned a = pick(random, WORDS), b = pick(random, WORDS);
            if (pick(random, 50) == 0)
                put_number(t, random);
            else
                text_string(t, words[a < b ? a : b]);
            text_string(t, n > 1 ? pick(random, 12) == 0 ? ", " : " " : pick(random, 3) == 0 ? "?\n" : "\n");
        }
    }
}

static void make_keywords(const char *path, unsigned count, uint64_t *random)
{
    static const char *const first[] = { "project", "operation", "plan", "fund", "dossier" };
    FILE *f = fopen(path, "w");

    if (f == NULL)
        exit(1);
    for (unsigned i = 0; i < count; i++) {
        if (i % 3 == 0)
            fprintf(f, "%s ", first[pick(random, 5)]);
        for (unsigned n = 6 + pick(random, 8); n > 0; n--)
            fputc("bcdfglmnprstvaeiou"[pick(random, 18)], f);
        fputc('\n', f);
    }
    fclose(f);
}

static bool make_exact(const char *path, const char *salt, unsigned rows, uint64_t *random)
{
    struct exact_maker *m;
    struct imw_error_info err;
    uint64_t written;
    char value[16];
    FILE *f = fopen(salt, "w");

    if (f == NULL || fputs("0123456789abcdef0123456789abcdef", f) < 0 || fclose(f) != 0 ||
        !exact_maker_new(salt, "customers", &m, &err))
        return false;
    for (unsigned i = 0; i < rows; i++) {
        snprintf(value, sizeof value, "%010llu", (unsigned long long)(next_random(random) % 10000000000u));
        if (exact_put(m, view_string(value)) != EXACT_TAKEN)
            return false;
    }
    f = fopen(path, "w");
    bool ok = f != NULL && exact_write(m, f, &written);
    exact_maker_free(m);
    return ok && fclose(f) == 0;
}

/* Findings in a million random numbers of sixteen digits, one a line. */
static unsigned count_chance(struct leak_search *s, uint64_t *random)
{
    struct leak_finding one;
    unsigned found = 0;

    for (unsigned i = 0; i < NUMBERS; i++) {
        char text[20];
        snprintf(text, sizeof text, "%016llu\n",
                 (unsigned long long)(next_random(random) % 10000000000000000u));
        found += leak_find(s, view_string(text), &one, 1);
    }
    return found;
}

static int run(const struct leak_settings *settings, size_t bytes, uint64_t *random)
{
    static struct leak_finding found[FOUND];
    struct leak_rules *rules;
    struct leak_search *search;
    struct imw_error_info err;
    char line[800], *at = malloc(bytes);
    unsigned count = 0;
    double best = 1e9, start = now_s();

    if (at == NULL || !leak_rules_new(settings, &rules, &err) || !leak_search_new(rules, &search, &err)) {
        fprintf(stderr, "bench_leak: %s\n", at == NULL ? "no memory" : error_format(&err, line, sizeof line));
        return 1;
    }
    double compiled = now_s() - start;
    struct text t = text_over(at, bytes);
    make_text(&t, random);
    size_t digits = 0;
    for (size_t i = 0; i < t.len; i++)
        digits += at[i] >= '0' && at[i] <= '9';
    for (unsigned i = 0; i < ROUNDS; i++) {
        start = now_s();
        count = leak_find(search, view_of(at, t.len), found, FOUND);
        double took = now_s() - start;
        best = took < best ? took : best;
    }
    for (unsigned i = 0; i < count && i < 5; i++)
        fprintf(stderr, "found: %s %s at %llu: %.40s\n", leak_kind_name(found[i].kind), found[i].masked,
                (unsigned long long)found[i].offset, at + found[i].offset);
    /* As messages come: one at a time. */
    start = now_s();
    size_t messages = 0;
    for (struct view rest = view_of(at, t.len); rest.len > 0; messages++)
        (void)leak_find(search, view_token(&rest, '\n'), found, FOUND);
    double single = now_s() - start;
    start = now_s();
    leak_begin(search, found, FOUND);
    for (size_t i = 0; i < t.len; i += 16384)
        leak_more(search, view_slice(view_of(at, t.len), i, i + 16384));
    (void)leak_end(search);
    double pieces = now_s() - start;
    printf(
        "{\"bytes\":%zu,\"digits_percent\":%.1f,\"gb_per_s\":%.2f,\"gb_per_s_in_pieces\":%.2f,\"messages\":%zu,"
        "\"ns_per_message\":%.0f,\"found\":%u,\"compile_s\":%.2f,\"random_numbers\":%d,"
        "\"random_found\":%u}\n",
        t.len, 100.0 * (double)digits / (double)t.len, (double)t.len / best / 1e9,
        (double)t.len / pieces / 1e9, messages, single / (double)messages * 1e9, count, compiled, NUMBERS,
        count_chance(search, random));
    leak_search_free(search);
    leak_rules_free(rules);
    free(at);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned long mib = 64, keywords = 1000, rows = 1000000, kinds = LEAK_ALL;
    char folder[] = "/tmp/bench-leak-XXXXXX", list[64], data[64], salt[64];
    uint64_t random = 1;
    int option;

    while ((option = getopt(argc, argv, "m:k:e:b:")) != -1) {
        switch (option) {
        case 'm': mib = strtoul(optarg, NULL, 10); break;
        case 'k': keywords = strtoul(optarg, NULL, 10); break;
        case 'e': rows = strtoul(optarg, NULL, 10); break;
        case 'b': kinds = strtoul(optarg, NULL, 0); break;
        default: return 2;
        }
    }
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(list, sizeof list, "%s/keywords", folder);
    snprintf(data, sizeof data, "%s/data", folder);
    snprintf(salt, sizeof salt, "%s/salt", folder);
    make_keywords(list, (unsigned)keywords, &random);
    const char *lists[] = { list };
    struct leak_settings settings = { .kinds = (uint32_t)kinds,
                                      .keywords = { lists, keywords > 0 },
                                      .exact = rows > 0 ? data : NULL,
                                      .salt = salt };
    int status = rows == 0 || make_exact(data, salt, (unsigned)rows, &random)
                     ? run(&settings, (size_t)mib << 20, &random)
                     : 1;
    unlink(list);
    unlink(data);
    unlink(salt);
    rmdir(folder);
    return status;
}
