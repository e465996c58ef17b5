/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that have check digits: what is found, what is not, and how often chance alone is. */
#include "../test.h"
#include "base/text.h"
#include "content/leak.h"
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 64 };

struct set {
    struct leak_rules *rules;
    struct leak_search *search;
    struct leak_finding found[MOST];
    unsigned count;
};

static void start(struct set *s, uint32_t kinds)
{
    struct leak_settings settings = { .kinds = kinds, .least = 1 };
    struct imw_error_info err;

    assert_true(leak_rules_new(&settings, &s->rules, &err));
    assert_true(leak_search_new(s->rules, &s->search, &err));
}

static void stop(struct set *s)
{
    leak_search_free(s->search);
    leak_rules_free(s->rules);
}

static unsigned look(struct set *s, const char *text)
{
    s->count = leak_find(s->search, view_string(text), s->found, MOST);
    return s->count;
}

/* "kind name offset masked" of each finding, a line each. */
static const char *told(const struct set *s, char *out, size_t size)
{
    struct text t = text_over(out, size);

    for (unsigned i = 0; i < s->count && i < MOST; i++)
        text_format(&t, "%s%s %s %u %s", i > 0 ? "\n" : "", leak_kind_name(s->found[i].kind),
                    s->found[i].name, (unsigned)s->found[i].offset, s->found[i].masked);
    return out;
}

static void expect(struct set *s, const char *text, const char *lines)
{
    char out[4096];

    look(s, text);
    if (strcmp(told(s, out, sizeof out), lines) != 0)
        fail_msg("in '%s':\n%s\nexpected:\n%s", text, out, lines);
}

static void expect_none(struct set *s, const char *const *texts, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        expect(s, texts[i], "");
}
#define EXPECT_NONE(s, list) expect_none(s, list, sizeof(list) / sizeof((list)[0]))

static void test_cards_of_every_issuer_are_found(void **state)
{
    struct set s;

    (void)state;
    start(&s, 1u << LEAK_CARD);
    expect(&s, "4111111111111111", "card visa 0 ************1111");
    expect(&s, "my card is 4111 1111 1111 1111, ok?", "card visa 11 ************1111");
    expect(&s, "4111-1111-1111-1111", "card visa 0 ************1111");
    expect(&s, "5555555555554444.", "card mastercard 0 ************4444");
    expect(&s, "(2221 0000 0000 0009)", "card mastercard 1 ************0009");
    expect(&s, "3782 822463 10005", "card amex 0 ***********0005");
    expect(&s, "no:371449635398431", "card amex 3 ***********8431");
    expect(&s, "30569309025904", "card diners 0 **********5904");
    expect(&s, "3056 930902 5904", "card diners 0 **********5904");
    expect(&s, "6011111111111117", "card discover 0 ************1117");
    expect(&s, "3530 1113 3330 0000", "card jcb 0 ************0000");
    expect(&s, "6200 0000 0000 0005", "card unionpay 0 ************0005");
    expect(&s, "6759649826438453", "card maestro 0 ************8453");
    expect(&s, "name,4111111111111111,2027\nname,5555555555554444,2028",
           "card visa 5 ************1111\ncard mastercard 32 ************4444");
    stop(&s);
}

static void test_a_number_behind_a_card_is_not_part_of_it(void **state)
{
    struct set s;

    (void)state;
    start(&s, 1u << LEAK_CARD);
    expect(&s, "4111 1111 1111 1111 123", "card visa 0 ************1111");
    expect(&s, "4111 1111 1111 1111 0528 123", "card visa 0 ************1111");
    expect(&s, "2 4111 1111 1111 1111", "card visa 2 ************1111");
    expect(&s, "2024 4111 1111 1111 1111", "card visa 5 ************1111");
    expect(&s, "4111 1111 1111 1111 5555 5555 5555 4444",
           "card visa 0 ************1111\ncard mastercard 20 ************4444");
    /* Nineteen digits, right only with the last group. */
    expect(&s, "6200 0000 0000 0000 000", "card unionpay 0 ***************0000");
    stop(&s);
}

static void test_what_only_looks_like_a_card_is_none(void **state)
{
    static const char *const none[] = {
        "4111111111111112",                  /* Luhn */
        "4111 1111 1111 1112",               /* the same in groups */
        "1111111111111111",                  /* no issuer, all the same */
        "0000000000000000",                  /* Luhn holds, all the same */
        "9999999999999995",                  /* no issuer */
        "14111111111111111",                 /* in a longer run */
        "411111111111111122222",             /* longer than any */
        "4111 1111-1111 1111",               /* separators are not mixed */
        "41 11 11 11 11 11 11 11",           /* no card is printed so */
        "4111-1111-1111-1111-1111",          /* an identifier */
        "a4111111111111111",                 /* in a word */
        "4111111111111111f",                 /* the same */
        "0.4111111111111111",                /* a fraction */
        "4111111111111111.25",               /* the same */
        "<@4111111111111111>",               /* a mention */
        "example.com/c/4111111111111111",    /* a path */
        "4111\n1111\n1111\n1111",            /* lines */
        "call 4222222222222 now",            /* thirteen digits, not called a card */
        "1732341234567 1732341234568",       /* times in milliseconds */
        "550e8400-e29b-41d4-a716-4466554400" /* identifiers */
    };
    struct set s;

    (void)state;
    start(&s, 1u << LEAK_CARD);
    EXPECT_NONE(&s, none);
    expect(&s, "visa 4222222222222", "card visa 5 *********2222");
    stop(&s);
}

static void test_social_security_numbers(void **state)
{
    static const char *const none[] = {
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "987-65-4320",
        "536-00-1234",
        "536-22-0000",
        "078-05-1120",
        "219-09-9999",
        "457-55-5462",
        "123-45-6789",
        "536-22 1234",
        "1536-22-1234",
        "536-22-12345",
        "536221234",
        "536-2-1234",
        "x536-22-1234",
        "536-22-1234-5",
        "1 536 22 1234",
        "536 22 1234 5",
        "9-536-22-1234",
        "536.22.1234",
        "order 536221234 shipped",
        "the SSN comes by post; far away, much further than sixty-four bytes, stands 536221234",
    };
    struct set s;

    (void)state;
    start(&s, 1u << LEAK_SSN);
    expect(&s, "536-22-1234", "ssn  0 *****1234");
    expect(&s, "it is 536 22 1234.", "ssn  6 *****1234");
    expect(&s, "SSN: 536221234", "ssn  5 *****1234");
    expect(&s, "536221234 is my social security number", "ssn  0 *****1234");
    expect(&s, "SS#536-22-1234", ""); /* of a mark that identifiers have */
    expect(&s, "SS# 536-22-1234", "ssn  4 *****1234");
    EXPECT_NONE(&s, none);
    stop(&s);
}

static void test_routing_numbers_need_their_context(void **state)
{
    static const char *const none[] = {
        "021000021",          "routing 021000022", "routing 131000021",   "routing 0210000210",
        "routing x021000021", "routing 000000000", "rerouting 021000021", "abas 021000021",
    };
    struct set s;

    (void)state;
    start(&s, 1u << LEAK_ABA);
    expect(&s, "routing number: 021000021", "aba-routing  16 *****0021");
    expect(&s, "ABA 121000358 acct 1234567", "aba-routing  4 *****0358");
    expect(&s, "011401533 (RTN)", "aba-routing  0 *****1533");
    EXPECT_NONE(&s, none);
    stop(&s);
}

static void test_ibans_of_many_countries(void **state)
{
    static const char *const right[] = {
        "GB29NWBK60161331926819",
        "DE89370400440532013000",
        "FR1420041010050500013M02606",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
        "BE68539007547034",
        "CH9300762011623852957",
        "SE4550000000058398257466",
        "SA0380000000608010167519",
        "PL61109010140000071219812874",
        "NL91ABNA0417164300",
        "de89370400440532013000",
        "SC18SSCB11010000000000001497USD",
        "QA58DOHB00001234567890ABCDEFG",
        "LC55HEMM000100010012001200023015",
        "RU0304452522540817810538091310419",
    };
    static const char *const none[] = {
        "GB29NWBK60161331926818",       "XX89370400440532013000",  "DE8937040044053201300",
        "DE893704004405320130001",      "xDE89370400440532013000", "DE89 3704 0044 0532 0130 01",
        "DE89  3704 0044 0532 0130 00", "DE8937 0400440532013000",
    };
    struct set s;
    char spaced[96];

    (void)state;
    start(&s, 1u << LEAK_IBAN);
    for (unsigned i = 0; i < sizeof right / sizeof right[0]; i++) {
        struct text t = TEXT(spaced);
        if (look(&s, right[i]) != 1)
            fail_msg("%s: %u findings", right[i], s.count);
        for (size_t c = 0; right[i][c] != '\0'; c++) {
            if (c > 0 && c % 4 == 0)
                text_char(&t, ' ');
            text_char(&t, right[i][c]);
        }
        if (look(&s, spaced) != 1)
            fail_msg("%s: %u findings", spaced, s.count);
    }
    expect(&s, "pay to DE89 3704 0044 0532 0130 00 today", "iban  7 ******************3000");
    EXPECT_NONE(&s, none);
    stop(&s);
}

static void test_bic_codes_need_their_context(void **state)
{
    static const char *const none[] = {
        "DEUTDEFF",
        "swift deutdeff",
        "swiftly DEUTDEFF",
        "cubic DEUTDEFF",
        "SWIFT DEUTXXFF",
        "SWIFT DEUTDEF",
        "SWIFT DEUTDEFF5",
        "a swift reply before the DEUTDEFFA code",
        "WE NEED A SWIFT ANSWER BEFORE THE DEADLINE PLEASE PEOPLE",
    };
    struct set s;

    (void)state;
    start(&s, 1u << LEAK_BIC);
    expect(&s, "SWIFT: DEUTDEFF", "bic  7 ****DEFF");
    expect(&s, "bic is DEUTDEFF500 ok", "bic  7 *******F500");
    expect(&s, "BNPAFRPP is our BIC/SWIFT code", "bic  0 ****FRPP");
    expect(&s, "BANK: GREAT NORTHERN BANKING HOUSE, SWIFT: DEUTDEFF", "bic  43 ****DEFF");
    expect(&s, "SWIFT CHASUS33, bic CHASUS33", "bic  6 ****US33\nbic  20 ****US33");
    EXPECT_NONE(&s, none);
    stop(&s);
}

static void test_one_number_is_one_finding(void **state)
{
    struct set s;

    (void)state;
    start(&s, LEAK_ALL);
    expect(&s, "ssn routing 021000021", "aba-routing  12 *****0021");
    expect(&s, "IBAN NL91 ABNA 0417 1643 00 BIC ABNANL2A", "iban  5 **************4300\nbic  32 ****NL2A");
    stop(&s);
}

/* A generator that gives the same numbers every time. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Shares of the issuers among numbers of sixteen digits, in parts of 10,000: Visa 1000, Mastercard 500 and
 * 500, Discover 1, 60 and 100, Diners 60, 1, 100 and 200, JCB 62, UnionPay 100, Maestro 9 times 1; one in ten
 * has the right check digit. */
enum { SHARE = 1000 + 500 + 500 + 161 + 361 + 62 + 100 + 9, NUMBERS = 1000000 };

static void test_random_numbers_are_cards_as_often_as_chance_has_it(void **state)
{
    struct set s;
    uint64_t random = 1;
    unsigned found = 0;

    (void)state;
    start(&s, LEAK_ALL);
    for (unsigned i = 0; i < NUMBERS / 1000; i++) {
        char text[17 * 1000 + 1];
        for (unsigned n = 0; n < 1000; n++)
            snprintf(text + n * 17, 18, "%016llu\n",
                     (unsigned long long)(next_random(&random) % 10000000000000000u));
        struct view v = view_of(text, sizeof text - 1);
        found += leak_find(s.search, v, s.found, MOST);
    }
    /* Binomial: the deviation is under 170; five of them. */
    double expected = (double)NUMBERS * SHARE / 10000 / 10;
    print_message("# %u of %u random numbers of 16 digits, %.0f expected\n", found, NUMBERS, expected);
    assert_in_range(found, (unsigned)expected - 850, (unsigned)expected + 850);
    stop(&s);
}

static void test_random_numbers_are_ibans_once_in_97(void **state)
{
    struct set s;
    uint64_t random = 2;
    unsigned found = 0;

    (void)state;
    start(&s, LEAK_ALL);
    for (unsigned i = 0; i < 100000; i++) {
        char text[32];
        snprintf(text, sizeof text, "DE%02u%018llu", (unsigned)(next_random(&random) % 100),
                 (unsigned long long)(next_random(&random) % 1000000000000000000u));
        found += look(&s, text);
    }
    /* 2 to 98 of 0 to 99 can be right: 1 in 100 or so; deviation 32. */
    assert_in_range(found, 1000 - 160, 1000 + 190);
    stop(&s);
}

/* Texts made of scraps of what is looked for, so that they stand in each other's way. */
static size_t make_text(uint64_t *random, char *out, size_t size)
{
    static const char *const scraps[] = {
        "4111111111111111",
        "4111 1111 1111 1111",
        "5555-5555-5555-4444",
        "3782 822463 10005",
        "536-22-1234",
        "536221234",
        "021000021",
        "routing",
        "SSN",
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "SWIFT",
        "bic",
        "DEUTDEFF",
        "CHASUS33",
        "12",
        "2024",
        "777",
        "hello there",
        "how are you?",
        "\xc3\xa9t\xc3\xa9",
        "1234 5678 9012 3456",
        "a",
        "6200 0000 0000 0000 000",
        "DEADLINE",
        "lorem ipsum dolor sit amet",
    };
    static const char *const between[] = { " ", " ", " ", "-", ", ", "\n", ".", ": ", "  ", "" };
    struct text t = text_over(out, size);

    while (t.len + 64 < size) {
        text_string(&t, scraps[next_random(random) % (sizeof scraps / sizeof scraps[0])]);
        text_string(&t, between[next_random(random) % (sizeof between / sizeof between[0])]);
    }
    return t.len;
}

static void test_pieces_give_what_the_whole_gives(void **state)
{
    enum { SIZE = 300000, FOUND = 40000 };
    struct leak_finding *whole = calloc(FOUND, sizeof *whole), *pieces = calloc(FOUND, sizeof *pieces);
    char *text = malloc(SIZE);
    struct set s;
    uint64_t random = 3;

    (void)state;
    start(&s, LEAK_ALL);
    for (unsigned round = 0; round < 6; round++) {
        size_t length = make_text(&random, text, SIZE);
        unsigned n = leak_find(s.search, view_of(text, length), whole, FOUND);
        assert_in_range(n, 1000, FOUND);
        leak_begin(s.search, pieces, FOUND);
        for (size_t at = 0; at < length;) {
            size_t piece = 1 + next_random(&random) % (round % 2 == 0 ? 50 : 90000);
            leak_more(s.search, view_slice(view_of(text, length), at, at + piece));
            at += piece;
        }
        assert_int_equal(leak_end(s.search), n);
        assert_memory_equal(whole, pieces, n * sizeof *whole);
    }
    stop(&s);
    free(whole);
    free(pieces);
    free(text);
}

static void test_no_finding_shows_more_than_four_characters(void **state)
{
    enum { SIZE = 100000 };
    char *text = malloc(SIZE);
    struct set s;
    struct leak_finding *found = calloc(SIZE, sizeof *found);
    uint64_t random = 4;

    (void)state;
    start(&s, LEAK_ALL);
    size_t length = make_text(&random, text, SIZE);
    unsigned n = leak_find(s.search, view_of(text, length), found, SIZE);
    assert_true(n > 1000);
    for (unsigned i = 0; i < n; i++) {
        size_t stars = strspn(found[i].masked, "*"), rest = strlen(found[i].masked) - stars;
        assert_true(stars >= 4 && rest <= 4);
        /* The four are those of the text. */
        assert_true(found[i].offset < length);
        assert_null(strstr(found[i].name, found[i].masked + stars));
    }
    stop(&s);
    free(found);
    free(text);
}

static void test_findings_beyond_the_room_are_counted(void **state)
{
    struct set s;
    struct leak_finding one[2] = { 0 };
    struct view text = VIEW("4111111111111111 5555555555554444 536-22-1234");

    (void)state;
    start(&s, LEAK_ALL);
    assert_int_equal(leak_find(s.search, text, one, 1), 3);
    assert_string_equal(one[0].masked, "************1111");
    assert_string_equal(one[1].masked, "");
    assert_int_equal(leak_find(s.search, text, NULL, 0), 3);
    assert_int_equal(leak_find(s.search, VIEW(""), one, 1), 0);
    leak_begin(s.search, one, 2);
    assert_int_equal(leak_end(s.search), 0);
    stop(&s);
    start(&s, 0);
    assert_int_equal(leak_find(s.search, text, one, 1), 0);
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cards_of_every_issuer_are_found),
        cmocka_unit_test(test_a_number_behind_a_card_is_not_part_of_it),
        cmocka_unit_test(test_what_only_looks_like_a_card_is_none),
        cmocka_unit_test(test_social_security_numbers),
        cmocka_unit_test(test_routing_numbers_need_their_context),
        cmocka_unit_test(test_ibans_of_many_countries),
        cmocka_unit_test(test_bic_codes_need_their_context),
        cmocka_unit_test(test_one_number_is_one_finding),
        cmocka_unit_test(test_random_numbers_are_cards_as_often_as_chance_has_it),
        cmocka_unit_test(test_random_numbers_are_ibans_once_in_97),
        cmocka_unit_test(test_pieces_give_what_the_whole_gives),
        cmocka_unit_test(test_no_finding_shows_more_than_four_characters),
        cmocka_unit_test(test_findings_beyond_the_room_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
