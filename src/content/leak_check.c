/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check digits, issuer ranges, and what stands around.
 *
 * A number is taken only where it stands alone: no letter, digit or low line touches it, it is no part of a
 * fraction, of a path or of an identifier joined by hyphens. That is what keeps the identifiers of messages,
 * users and orders out, of which chat is full.
 *
 * Sources: ISO/IEC 7812-1 (card numbers, Luhn), issuer ranges as the networks publish them; SSA, "Social
 * Security Number Randomization" (never issued: area 000, 666 and 9xx, group 00, serial 0000); ABA routing
 * number policy (districts, weights 3-7-1); ISO 13616 (IBAN) with the lengths of the SWIFT registry; ISO 7064
 * mod 97-10; ISO 9362 (BIC); ISO 3166-1 (countries).
 */
#include "content/leak_check.h"
#include "base/text.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_alnum(uint8_t c)
{
    return is_digit(c) || is_upper(c & 0xdf);
}

static uint8_t at(struct view t, size_t i)
{
    return i < t.len ? t.at[i] : 0;
}

/* `back` bytes before `i`; 0 outside of the text, here as above. */
static uint8_t before(struct view t, size_t i, size_t back)
{
    return i >= back && i <= t.len ? t.at[i - back] : 0;
}

/* ---- characters of words ---- */

/* Marks, symbols and pictures, by blocks of Unicode. */
static bool is_mark(uint32_t c)
{
    return (c >= 0x80 && c <= 0xbf && c != 0xaa && c != 0xb5 && c != 0xba) || c == 0xd7 || c == 0xf7 ||
           (c >= 0x2000 && c <= 0x206f) || (c >= 0x20a0 && c <= 0x20cf) || (c >= 0x2190 && c <= 0x2bff) ||
           (c >= 0x2e00 && c <= 0x2e7f) || (c >= 0x3000 && c <= 0x303f) || (c >= 0xfe00 && c <= 0xfe6f) ||
           (c >= 0xff00 && c <= 0xff0f) || (c >= 0xff1a && c <= 0xff20) || c == 0xfffd || c >= 0x1f000;
}

static bool is_word(struct view rest)
{
    if (rest.len == 0)
        return false;
    if (rest.at[0] < 0x80)
        return is_alnum(rest.at[0]) || rest.at[0] == '_';
    size_t n = utf8_length(rest);
    if (n < 2)
        return false;
    uint32_t c = rest.at[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (rest.at[i] & 0x3fu);
    return !is_mark(c);
}

bool leak_word_at(struct view t, size_t i)
{
    return is_word(view_from(t, i));
}

bool leak_word_before(struct view t, size_t i)
{
    size_t back = 1;

    while (back < 4 && back < i && (t.at[i - back] & 0xc0) == 0x80)
        back++;
    return i > 0 && is_word(view_slice(t, i - back, i));
}

/* One of the words, each with a NUL behind it and one more at the end, stands within LEAK_CONTEXT. */
static bool near_word(struct view t, size_t from, size_t to, const char *words)
{
    size_t first = from > LEAK_CONTEXT ? from - LEAK_CONTEXT : 0;
    struct view around = view_slice(t, first, to + LEAK_CONTEXT);

    for (; words[0] != '\0'; words += strlen(words) + 1) {
        struct view word = view_string(words);
        for (size_t i = 0; i + word.len <= around.len; i++) {
            if (ascii_lower(around.at[i]) != word.at[0] || (first + i < to && first + i + word.len > from) ||
                !view_equal_nocase(view_slice(around, i, i + word.len), word))
                continue;
            if (!leak_word_before(t, first + i) &&
                (!is_alnum(word.at[word.len - 1]) || !leak_word_at(t, first + i + word.len)))
                return true;
        }
    }
    return false;
}

/* ---- runs and groups of digits ---- */

static size_t run_start(struct view t, size_t end, size_t most)
{
    size_t i = end;

    while (i > 0 && end - i < most && is_digit(t.at[i - 1]))
        i--;
    return i;
}

/* [from, to) is no part of something longer. */
static bool stands_alone(struct view t, size_t from, size_t to)
{
    uint8_t left = before(t, from, 1), right = at(t, to);

    if (leak_word_before(t, from) || leak_word_at(t, to))
        return false;
    if (strchr("/@#&!", left) != NULL && left != '\0')
        return false; /* of a path, of a mention */
    if ((left == '-' && is_alnum(before(t, from, 2))) || (left == '.' && is_digit(before(t, from, 2))))
        return false;
    return !(right == '-' && is_alnum(at(t, to + 1))) && !(right == '.' && is_digit(at(t, to + 1)));
}

/* ---- cards ---- */

struct issuer {
    uint32_t low, high; /* of the first six digits */
    uint32_t lengths;   /* bit n: n digits */
    const char *name;
};

#define LENGTH(n) (1u << (n))
#define LENGTHS_16_TO_19 (LENGTH(16) | LENGTH(17) | LENGTH(18) | LENGTH(19))
#define LENGTHS_13_TO_19 (LENGTH(13) | LENGTH(14) | LENGTH(15) | LENGTHS_16_TO_19)
#define LENGTHS_DINERS (LENGTH(14) | LENGTH(16))

static const struct issuer issuers[] = {
    { 222100, 272099, LENGTH(16), "mastercard" },
    { 300000, 305999, LENGTHS_DINERS, "diners" },
    { 309500, 309599, LENGTHS_DINERS, "diners" },
    { 340000, 349999, LENGTH(15), "amex" },
    { 352800, 358999, LENGTHS_16_TO_19, "jcb" },
    { 360000, 369999, LENGTHS_DINERS, "diners" },
    { 370000, 379999, LENGTH(15), "amex" },
    { 380000, 399999, LENGTHS_DINERS, "diners" },
    { 400000, 499999, LENGTH(13) | LENGTH(16) | LENGTH(19), "visa" },
    { 501800, 501899, LENGTHS_13_TO_19, "maestro" },
    { 502000, 502099, LENGTHS_13_TO_19, "maestro" },
    { 503800, 503899, LENGTHS_13_TO_19, "maestro" },
    { 510000, 559999, LENGTH(16), "mastercard" },
    { 589300, 589399, LENGTHS_13_TO_19, "maestro" },
    { 601100, 601199, LENGTHS_16_TO_19, "discover" },
    { 620000, 629999, LENGTHS_16_TO_19, "unionpay" },
    { 630400, 630499, LENGTHS_13_TO_19, "maestro" },
    { 644000, 659999, LENGTHS_16_TO_19, "discover" },
    { 675900, 675999, LENGTHS_13_TO_19, "maestro" },
    { 676100, 676399, LENGTHS_13_TO_19, "maestro" },
};

enum { CARD_LEAST = 13, CARD_MOST = 19, CARD_GROUPS = 5 };

static const struct issuer *issuer_of(const uint8_t *digit, unsigned count)
{
    uint32_t first = 0;

    for (unsigned i = 0; i < 6; i++)
        first = first * 10 + digit[i];
    for (unsigned i = 0; i < sizeof issuers / sizeof issuers[0]; i++)
        if (first >= issuers[i].low && first <= issuers[i].high)
            return (issuers[i].lengths >> count & 1) != 0 ? &issuers[i] : NULL;
    return NULL;
}

static bool luhn(const uint8_t *digit, unsigned count)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < count; i++) {
        unsigned d = digit[count - 1 - i];
        sum += i % 2 == 0 ? d : d < 5 ? 2 * d : 2 * d - 9;
    }
    return sum % 10 == 0;
}

/* The digits of [from, to), whatever is between them. */
static bool is_card(struct view t, size_t from, size_t to, struct leak_range *out)
{
    static const char words[] = "card\0visa\0credit\0debit\0";
    uint8_t digit[CARD_MOST];
    unsigned count = 0;
    bool all_same = true;

    for (size_t i = from; i < to; i++) {
        if (!is_digit(t.at[i]))
            continue;
        if (count == CARD_MOST)
            return false;
        digit[count++] = t.at[i] - '0';
        all_same = all_same && digit[count - 1] == digit[0];
    }
    const struct issuer *issuer = count >= CARD_LEAST && !all_same ? issuer_of(digit, count) : NULL;
    if (issuer == NULL || !luhn(digit, count) || !stands_alone(t, from, to))
        return false;
    /* The old length of Visa's is that of bar codes: it needs to be called a card. */
    if (count == 13 && !near_word(t, from, to, words))
        return false;
    *out = (struct leak_range){ from, to, issuer->name };
    return true;
}

/* How cards are printed: 4-4-4-4, with 1 to 3 digits behind it, 4-6-5, 4-6-4, 6-13. `group` from the last. */
static bool is_printed_so(const uint8_t *group, unsigned count)
{
    if (count == 2)
        return group[1] == 6 && group[0] == 13;
    if (count == 3)
        return group[2] == 4 && group[1] == 6 && (group[0] == 5 || group[0] == 4);
    for (unsigned i = count == 5 ? 1 : 0; i < count; i++)
        if (group[i] != 4)
            return false;
    return count == 4 || (count == 5 && group[0] <= 3);
}

bool leak_card(struct view t, size_t end, struct leak_range *out)
{
    size_t start = run_start(t, end, CARD_MOST + 1);
    uint8_t sep = before(t, start, 1), group[CARD_GROUPS + 1];
    unsigned count = 1;

    if (end - start >= CARD_LEAST && end - start <= CARD_MOST && is_card(t, start, end, out))
        return true;
    if ((sep != ' ' && sep != '-') || !is_digit(before(t, start, 2)))
        return false;
    group[0] = (uint8_t)(end - start);
    while (count < 4 && before(t, start, 1) == sep && is_digit(before(t, start, 2))) {
        size_t next = run_start(t, start - 1, CARD_MOST + 1);
        group[count++] = (uint8_t)(start - 1 - next);
        start = next;
        if (is_printed_so(group, count) && is_card(t, start, end, out))
            return true;
    }
    /* A short group behind it belongs to it where the number is right with it only. */
    size_t more = 1;
    while (more <= 3 && is_digit(at(t, end + more)))
        more++;
    if (count != 4 || at(t, end) != sep || more == 1 || is_digit(at(t, end + more)))
        return false;
    memmove(group + 1, group, count);
    group[0] = (uint8_t)(more - 1);
    return is_printed_so(group, 5) && is_card(t, start, end + more, out);
}

/* ---- US social security and routing numbers ---- */

static unsigned number_of(struct view t, size_t from, size_t to)
{
    unsigned n = 0;

    for (size_t i = from; i < to; i++)
        n = n * 10 + (unsigned)(t.at[i] - '0');
    return n;
}

/* Numbers that were printed in advertisements and forms, and the one that everybody types. */
static bool is_famous_ssn(unsigned n)
{
    return n == 78051120 || n == 219099999 || n == 457555462 || n == 123456789 || n % 111111111 == 0;
}

static bool is_issued_ssn(unsigned area, unsigned group, unsigned serial)
{
    return area != 0 && area != 666 && area < 900 && group != 0 && serial != 0 &&
           !is_famous_ssn((area * 100 + group) * 10000 + serial);
}

bool leak_ssn(struct view t, size_t end, struct leak_range *out)
{
    static const char words[] = "ssn\0ssns\0social security\0soc sec\0ss#\0ss no\0";
    size_t start = run_start(t, end, 10);

    if (end - start == 9) {
        *out = (struct leak_range){ start, end, "" };
        return is_issued_ssn(number_of(t, start, start + 3), number_of(t, start + 3, start + 5),
                             number_of(t, start + 5, end)) &&
               stands_alone(t, start, end) && near_word(t, start, end, words);
    }
    uint8_t sep = before(t, start, 1);
    if (end - start != 4 || (sep != '-' && sep != ' '))
        return false;
    size_t group = run_start(t, start - 1, 3);
    if (start - 1 - group != 2 || before(t, group, 1) != sep)
        return false;
    size_t area = run_start(t, group - 1, 4);
    if (group - 1 - area != 3)
        return false;
    *out = (struct leak_range){ area, end, "" };
    /* Between spaces, more groups of digits on either side make it something else. */
    if (sep == ' ' && ((before(t, area, 1) == ' ' && is_digit(before(t, area, 2))) ||
                       (at(t, end) == ' ' && is_digit(at(t, end + 1)))))
        return false;
    return is_issued_ssn(number_of(t, area, area + 3), number_of(t, group, group + 2),
                         number_of(t, start, end)) &&
           stands_alone(t, area, end);
}

bool leak_aba(struct view t, size_t end, struct leak_range *out)
{
    static const char words[] = "routing\0aba\0rtn\0transit\0wire\0";
    size_t start = run_start(t, end, 10);

    if (end - start != 9)
        return false;
    unsigned d[9], district = number_of(t, start, start + 2);
    for (unsigned i = 0; i < 9; i++)
        d[i] = (unsigned)(t.at[start + i] - '0');
    unsigned sum = 3 * (d[0] + d[3] + d[6]) + 7 * (d[1] + d[4] + d[7]) + d[2] + d[5] + d[8];
    *out = (struct leak_range){ start, end, "" };
    return (district <= 12 || (district >= 21 && district <= 32) || (district >= 61 && district <= 72) ||
            district == 80) &&
           sum > 0 && sum % 10 == 0 && stands_alone(t, start, end) && near_word(t, start, end, words);
}

/* ---- IBAN ---- */

/* Country and length, four characters each. */
static const char iban_countries[] =
    "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18"
    "FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27"
    "MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27"
    "SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

enum { IBAN_LEAST = 15, IBAN_MOST = 33, IBAN_GROUPS = 9 };

static const char *iban_country(uint8_t a, uint8_t b)
{
    for (const char *c = iban_countries; *c != '\0'; c += 4)
        if ((uint8_t)c[0] == (a & 0xdf) && (uint8_t)c[1] == (b & 0xdf))
            return c;
    return NULL;
}

/* Mod 97 of the number that the IBAN stands for: its first four characters last, letters as 10 to 35. */
static bool iban_is_right(const uint8_t *iban, unsigned count)
{
    unsigned rest = 0;

    for (unsigned i = 0; i < count; i++) {
        uint8_t c = iban[(i + 4) % count];
        rest = is_digit(c) ? (rest * 10 + c - '0') % 97 : (rest * 100 + (c & 0xdfu) - 'A' + 10) % 97;
    }
    return rest == 1;
}

/* One that begins at `start`; written in one, or in groups of four. */
static bool iban_at(struct view t, size_t start, struct leak_range *out)
{
    const char *country = is_alnum(at(t, start)) && is_alnum(at(t, start + 1)) &&
                                  is_digit(at(t, start + 2)) && is_digit(at(t, start + 3)) &&
                                  !leak_word_before(t, start)
                              ? iban_country(t.at[start], t.at[start + 1])
                              : NULL;
    uint8_t iban[IBAN_MOST];
    unsigned count = 0;
    size_t i = start;

    if (country == NULL)
        return false;
    unsigned length = (unsigned)(country[2] - '0') * 10 + (unsigned)(country[3] - '0');
    bool spaced = at(t, start + 4) == ' ';
    while (count < length) {
        if (spaced && count > 0 && count % 4 == 0 && at(t, i++) != ' ')
            return false;
        if (!is_alnum(at(t, i)))
            return false;
        iban[count++] = t.at[i++];
    }
    *out = (struct leak_range){ start, i, "" };
    return iban_is_right(iban, count) && stands_alone(t, start, i);
}

static size_t alnum_start(struct view t, size_t end, size_t most)
{
    size_t i = end;

    while (i > 0 && end - i < most && is_alnum(t.at[i - 1]))
        i--;
    return i;
}

bool leak_iban(struct view t, size_t end, struct leak_range *out)
{
    size_t start = alnum_start(t, end, IBAN_MOST + 1);

    if (end - start > 4)
        return iban_at(t, start, out);
    for (unsigned groups = 0; groups < IBAN_GROUPS; groups++) {
        if (before(t, start, 1) != ' ')
            return false;
        size_t last = start - 1;
        start = alnum_start(t, last, 5);
        if (last - start != 4)
            return false;
        if (iban_at(t, start, out) && out->to >= end)
            return true;
    }
    return false;
}

/* ---- BIC ---- */

/* ISO 3166-1 alpha-2, and Kosovo. */
static const char countries[] =
    "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCW"
    "CXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIO"
    "IQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZ"
    "NANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSY"
    "SZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW";

static bool is_country(uint8_t a, uint8_t b)
{
    for (const char *c = countries; *c != '\0'; c += 2)
        if ((uint8_t)c[0] == a && (uint8_t)c[1] == b)
            return true;
    return false;
}

static bool has_bic_form(struct view v)
{
    bool form = v.len == 8 || v.len == 11;

    for (size_t i = 0; form && i < v.len; i++)
        form = is_upper(v.at[i]) || (i >= 6 && is_digit(v.at[i]));
    return form && is_country(v.at[4], v.at[5]);
}

/* Where people shout, many a word has the form of a code (DEADLINE is one of Liechtenstein): more words of
 * five letters or more are in capitals than not. */
static bool is_shouted(struct view around, struct view code)
{
    unsigned loud = 0, quiet = 0;

    for (size_t i = 0; i < around.len;) {
        size_t from = i;
        bool upper = true;
        while (i < around.len && is_upper(around.at[i] & 0xdf))
            upper = is_upper(around.at[i++]) && upper;
        size_t length = i - from;
        if (length >= 5 && around.at + from != code.at &&
            !view_equal_nocase(view_slice(around, from, i), VIEW("swift"))) {
            loud += upper;
            quiet += !upper;
        }
        i += length == 0;
    }
    return loud > quiet;
}

/* Directly behind "swift", "bic" or "code", with no word between. */
static bool is_announced(struct view t, size_t start)
{
    size_t i = start;

    while (i > 0 && start - i < 4 && !leak_word_before(t, i))
        i--;
    struct view word = view_slice(t, alnum_start(t, i, 8), i);
    return i < start && (view_equal_nocase(word, VIEW("swift")) || view_equal_nocase(word, VIEW("bic")) ||
                         view_equal_nocase(word, VIEW("code")));
}

bool leak_bic(struct view t, size_t end, size_t from, struct leak_range *out)
{
    size_t first = end > LEAK_CONTEXT ? end - LEAK_CONTEXT : 0;
    struct view around = view_slice(t, first, end + LEAK_CONTEXT);

    for (size_t i = first > from ? first : from; i < first + around.len; i++) {
        if (!is_upper(t.at[i]) || leak_word_before(t, i))
            continue;
        size_t to = i;
        while (to < t.len && to - i <= 11 && is_alnum(t.at[to]))
            to++;
        struct view code = view_slice(t, i, to);
        if (has_bic_form(code) && !leak_word_at(t, to) && (is_announced(t, i) || !is_shouted(around, code))) {
            *out = (struct leak_range){ i, to, "" };
            return true;
        }
        i = to - 1;
    }
    return false;
}
