/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of compiled catalogs: an image with any content and a good digest is refused, or safe to ask;
 * also when it follows another, of the same content or of ours.
 */
#include "identify/catalog.h"
#include "identify/catalog_format.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t seen;

static void each(void *context, const char *kind, enum server_role role, enum strength strength,
                 struct view entry, struct view source)
{
    (void)context, (void)role, (void)strength;
    seen += strlen(kind);
    for (size_t i = 0; i < entry.len; i++)
        seen += entry.at[i];
    for (size_t i = 0; i < source.len; i++)
        seen += source.at[i];
}

/* What is found belongs to a service that the catalog holds. */
static void check(const struct catalog *c, bool found, const struct catalog_hit *hit)
{
    const struct catalog_service *s = found ? catalog_service(c, hit->service) : NULL;

    if (found && (s == NULL || s->removed))
        abort();
}

static void ask(const struct catalog *c, struct view text)
{
    struct catalog_hit hit;
    struct ip_addr ip = { .octet = { 0 } };

    memcpy(ip.octet, text.at, text.len < 16 ? text.len : 16);
    struct ip_addr v4 = ip_from_v4(ip.octet);
    check(c, catalog_match_name(c, text, &hit), &hit);
    check(c, catalog_match_address(c, &ip, 6, 443, &hit), &hit);
    check(c, catalog_match_address(c, &v4, 17, 3478, &hit), &hit);
    check(c, catalog_match_agent(c, text, &hit), &hit);
    check(c, catalog_match_path(c, text, &hit), &hit);
    check(c, catalog_match_ja4(c, text, &hit), &hit);
    (void)catalog_find(c, text);
}

static void ask_all(const struct catalog *c, struct view text)
{
    static const char *const texts[] = { "www.chat.example", "chat.a.cdn.example.org", "Chat/2",
                                         "/chat/files/up", "" };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ask(c, view_string(texts[i]));
    ask(c, text);
    if (catalog_service(c, 0) != NULL || catalog_service(c, (uint16_t)(catalog_count(c) + 1)) != NULL)
        abort();
    for (unsigned i = 1; i <= catalog_count(c); i++) {
        const struct catalog_service *s = catalog_service(c, (uint16_t)i);
        catalog_each(c, (uint16_t)i, each, NULL);
        (void)catalog_own_port(c, (uint16_t)i, 6, 443);
        seen += strlen(s->slug) + strlen(s->name) + strlen(s->vendor) + strlen(s->summary);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct catalog *ours;
    uint8_t *image = malloc(size > 0 ? size : 1);
    struct catalog *c;

    if (image == NULL)
        return 0;
    memcpy(image, data, size);
    if (size >= sizeof(struct catalog_header)) {
        uint64_t length = size;
        memcpy(image + offsetof(struct catalog_header, size), &length, sizeof length);
        if (!catalog_digest(image, size, image + offsetof(struct catalog_header, digest)))
            abort();
    }
    if (!catalog_open_image("fuzz", image, size, true, &c, NULL))
        return 0;
    struct view text = view_of(data + sizeof(struct catalog_header), 40);
    ask_all(c, text);
    if (ours == NULL && !catalog_builtin(&ours, NULL))
        abort();
    if (catalog_follow(c, ours, NULL)) {
        ask_all(c, text);
        if (!catalog_follow(c, c, NULL)) /* needs no more numbers */
            abort();
        ask_all(c, text);
    }
    catalog_close(c);
    return 0;
}
