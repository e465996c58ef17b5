/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name from the wire, then pieces of a file: after the first line, each piece is an offset in 2 octets, a
 * length in 1, and as many bytes. What a name turns into must be fit for a file; the facts must add up.
 */
#include "base/cursor.h"
#include "content/spool.h"
#include "content/spool_name.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(struct view wire)
{
    char name[SPOOL_NAME_BYTES + 1];
    struct text t = TEXT(name);

    spool_name(wire, 1, &t);
    struct view v = view_of(name, t.len);
    bool bad = t.cut || v.len == 0 || v.len > SPOOL_NAME_BYTES || v.at[0] == '.' || v.at[0] == '-' ||
               view_find_byte(v, '/', 0) < v.len || view_find_byte(v, '\\', 0) < v.len ||
               v.at[v.len - 1] == '.' || v.at[v.len - 1] == ' ';
    for (size_t i = 0; i < v.len && !bad;) {
        size_t n = utf8_length(view_from(v, i));
        bad = n == 0 || v.at[i] < ' ';
        i += n;
    }
    if (bad)
        abort();
}

static void check_pieces(struct view pieces)
{
    struct spool *s = NULL;
    struct spool_facts facts;
    uint8_t hash[SHA256_BYTES];
    struct cursor c = cursor_open(pieces);

    if (!spool_new(NULL, 50000, 60000, &s, NULL))
        abort();
    struct spool_file *f = spool_open(s);
    if (f == NULL)
        abort();
    for (unsigned i = 0; i < 300 && cursor_left(&c) > 0; i++) {
        uint16_t offset = cursor_u16(&c);
        (void)spool_write(f, offset, cursor_take(&c, cursor_u8(&c)));
    }
    spool_facts(f, 0, &facts);
    uint64_t sum = facts.bytes;
    for (unsigned i = 0; i < facts.gap_count; i++)
        sum += facts.gap[i].to - facts.gap[i].from;
    if ((sum != facts.extent && !facts.more_gaps) || !spool_sha256(f, hash))
        abort();
    spool_close(f);
    spool_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = view_of(data, size);

    check_name(view_token(&v, '\n'));
    check_pieces(v);
    return 0;
}
