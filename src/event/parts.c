/* SPDX-License-Identifier: Apache-2.0 */
/* The head, then the structs that are there, each eight-aligned, then the texts. */
#include "event/parts.h"

/* Where the parts lie; the same sums for both sides. */
struct places {
    size_t client, server, record, texts, end;
};

static size_t up8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static struct places places_of(size_t head, const struct parts_head *h)
{
    struct places p;

    p.client = up8(head);
    p.server = p.client + (h->has_client ? up8(sizeof(struct known_who)) : 0);
    p.record = p.server + (h->has_server ? up8(sizeof(struct known_who)) : 0);
    p.texts = p.record + (h->has_record ? up8(sizeof(struct record)) : 0);
    p.end = p.texts;
    for (unsigned i = 0; i < PARTS_TEXTS; i++)
        p.end += h->text_len[i];
    return p;
}

bool parts_put(struct ring *r, const void *head, size_t size, struct parts_head *in_head,
               const struct parts *parts)
{
    in_head->has_record = parts->record != NULL;
    in_head->has_client = parts->client != NULL;
    in_head->has_server = parts->server != NULL;
    for (unsigned i = 0; i < PARTS_TEXTS; i++)
        in_head->text_len[i] = (uint32_t)parts->text[i].len;
    struct places p = places_of(size, in_head);
    uint8_t *out = ring_reserve(r, p.end);
    if (out == NULL)
        return false;
    memcpy(out, head, size);
    if (parts->client != NULL)
        memcpy(out + p.client, parts->client, sizeof *parts->client);
    if (parts->server != NULL)
        memcpy(out + p.server, parts->server, sizeof *parts->server);
    if (parts->record != NULL)
        memcpy(out + p.record, parts->record, sizeof *parts->record);
    uint8_t *at = out + p.texts;
    for (unsigned i = 0; i < PARTS_TEXTS; i++) {
        if (parts->text[i].len > 0)
            memcpy(at, parts->text[i].at, parts->text[i].len);
        at += parts->text[i].len;
    }
    ring_commit(r);
    return true;
}

void parts_read(const void *head, size_t size, const struct parts_head *in_head, struct parts *out)
{
    struct places p = places_of(size, in_head);
    const uint8_t *base = head, *text = base + p.texts;

    *out = (struct parts){ .record = in_head->has_record ? (const void *)(base + p.record) : NULL,
                           .client = in_head->has_client ? (const void *)(base + p.client) : NULL,
                           .server = in_head->has_server ? (const void *)(base + p.server) : NULL };
    for (unsigned i = 0; i < PARTS_TEXTS; i++) {
        out->text[i] = view_of(text, in_head->text_len[i]);
        text += in_head->text_len[i];
    }
}
