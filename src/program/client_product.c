/* SPDX-License-Identifier: Apache-2.0 */
/* Names, looked up in the list of products: it is short, so it is walked. */
#include "program/client_product.h"

static const struct client_product products[] = {
#define P(key, service, title, names, packages, cpe, platform)                                               \
    { key, service, title, names, packages, cpe, platform },
#include "program/client_products.def"
#undef P
};
enum { PRODUCTS = sizeof products / sizeof products[0] };
_Static_assert((int)PRODUCTS <= (int)CLIENT_PRODUCTS_MOST, "lists of products have room for all");

const struct client_product *client_product_at(unsigned number)
{
    return number < PRODUCTS ? &products[number] : NULL;
}

const struct client_product *client_product_find(struct view key)
{
    for (unsigned i = 0; i < PRODUCTS; i++)
        if (view_equal(key, view_string(products[i].key)))
            return &products[i];
    return NULL;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* What stands behind a name: nothing, a version, or what does not matter. Any other word makes it another
 * program. */
static bool rest_is_fine(struct view rest, struct view *version)
{
    static const char *const before[] = { "version ", "v", "/v", "/", "-", "" };

    rest = view_trim(rest);
    *version = view_of(NULL, 0);
    if (rest.len == 0)
        return true;
    if (rest.at[0] == '(' || rest.at[0] == '#')
        return true;
    for (unsigned i = 0; i < sizeof before / sizeof before[0]; i++) {
        const struct view word = view_string(before[i]);
        size_t n = 0;
        if (!view_starts_nocase(rest, word) || rest.len == word.len || !is_digit(rest.at[word.len]))
            continue;
        *version = view_from(rest, word.len);
        while (n < version->len && version->at[n] != ' ' && version->at[n] != ',' && version->at[n] != ';' &&
               version->at[n] != '(' && version->at[n] != '/')
            n++;
        *version = view_slice(*version, 0, n);
        return true;
    }
    /* "http://gajim.org/#hash", "http://pidgin.im/" */
    return rest.len == 1 && rest.at[0] == '/';
}

static struct view without(struct view text, struct view end)
{
    if (text.len > end.len && view_equal_nocase(view_from(text, text.len - end.len), end))
        return view_slice(text, 0, text.len - end.len);
    return text;
}

static const struct client_product *named(struct view text, struct view *version)
{
    const struct client_product *best = NULL;
    size_t longest = 0;
    struct view seen;

    for (unsigned i = 0; i < PRODUCTS; i++) {
        struct view names = view_string(products[i].names);
        while (names.len > 0) {
            const struct view name = view_token(&names, '|');
            if (name.len > longest && view_starts_nocase(text, name) &&
                rest_is_fine(view_from(text, name.len), &seen)) {
                best = &products[i];
                longest = name.len;
                *version = seen;
            }
        }
    }
    return best;
}

const struct client_product *client_product_named(struct view text, bool mac, struct view *out_version)
{
    struct view version = view_of(NULL, 0);
    static const char *const fronts[] = { "http://", "https://", "www." };
    const struct client_product *p;

    text = view_trim(text);
    for (unsigned i = 0; i < sizeof fronts / sizeof fronts[0]; i++)
        if (view_starts_nocase(text, view_string(fronts[i])))
            text = view_from(text, strlen(fronts[i]));
    p = named(text, &version);
    if (p == NULL) /* "Signal.app" where only "Signal" is known */
        p = named(without(text, VIEW(".app")), &version);
    if (mac && p != NULL && strcmp(p->key, "whatsapp-windows") == 0)
        p = client_product_find(VIEW("whatsapp-mac"));
    if (out_version != NULL)
        *out_version = version;
    return p;
}

static bool has_word(const char *list, struct view word)
{
    struct view left = view_string(list);

    while (left.len > 0)
        if (view_equal_nocase(view_token(&left, '|'), word))
            return true;
    return false;
}

const struct client_product *client_product_package(struct view package)
{
    for (unsigned i = 0; i < PRODUCTS; i++)
        if (has_word(products[i].packages, package))
            return &products[i];
    return NULL;
}

const struct client_product *client_product_cpe(struct view vendor, struct view product)
{
    for (unsigned i = 0; i < PRODUCTS; i++) {
        struct view left = view_string(products[i].cpe);
        while (left.len > 0) {
            struct view one = view_token(&left, '|');
            const struct view of = view_token(&one, ':');
            if (view_equal_nocase(of, vendor) && view_equal_nocase(one, product))
                return &products[i];
        }
    }
    return NULL;
}

const struct client_product *client_product_platform(struct view service, struct view platform)
{
    for (unsigned i = 0; i < PRODUCTS; i++)
        if (platform.len > 0 && view_equal(service, view_string(products[i].service)) &&
            view_equal(platform, view_string(products[i].platform)))
            return &products[i];
    return NULL;
}

const struct client_product *client_product_wire(struct view text, struct view *out_version,
                                                 const char **out_os)
{
    static const struct {
        const char *word, *os;
    } systems[] = { { "Android", "Android" }, { "iPhone", "iOS" },   { "iOS", "iOS" },
                    { "Windows", "Windows" }, { "Mac OS", "macOS" }, { "macOS", "macOS" },
                    { "Darwin", "macOS" },    { "Linux", "Linux" } };

    *out_os = "";
    for (unsigned i = 0; *out_os[0] == '\0' && i < sizeof systems / sizeof systems[0]; i++)
        if (view_find_nocase(text, view_string(systems[i].word)) < text.len)
            *out_os = systems[i].os;
    text = view_trim(text);
    if (view_starts(text, VIEW("WhatsApp/")) && text.len > 11 && text.at[text.len - 2] == ' ') {
        const uint8_t letter = text.at[text.len - 1];
        const char *key = letter == 'A' ? "whatsapp-android" : letter == 'i' ? "whatsapp-ios" : NULL;
        if (key != NULL) {
            *out_os = letter == 'A' ? "Android" : "iOS";
            *out_version = view_slice(text, 9, text.len - 2);
            return client_product_find(view_string(key));
        }
    }
    const struct client_product *p = client_product_named(text, strcmp(*out_os, "macOS") == 0, out_version);
    const char *android = p == NULL || strcmp(*out_os, "Android") != 0 ? NULL
                          : strcmp(p->service, "telegram") == 0        ? "telegram-android"
                          : strcmp(p->service, "signal") == 0          ? "signal-android"
                          : strcmp(p->service, "whatsapp") == 0        ? "whatsapp-android"
                                                                       : NULL;
    return android != NULL ? client_product_find(view_string(android)) : p;
}
