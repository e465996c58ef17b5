/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures and films of courses. Every answer of the API forbids to run or load anything (server.c), and this
 * is an attachment besides: opened by itself it is saved, not shown, whatever it holds.
 */
#include "console/answer_asset.h"
#include <stdio.h>

/* Digits at the front of *v. False: none, or too many. */
static bool take_digits(struct view *v, uint64_t *out)
{
    size_t n = 0;

    while (n < v->len && v->at[n] >= '0' && v->at[n] <= '9')
        n++;
    bool ok = n > 0 && view_decimal(view_of(v->at, n), INT64_MAX, out);
    *v = view_from(*v, n);
    return ok;
}

enum range range_read(const char *header, uint64_t size, uint64_t *out_from, uint64_t *out_count)
{
    struct view v = view_string(header);
    const struct view unit = VIEW("bytes=");
    uint64_t from = 0, to = 0;

    if (!view_starts_nocase(v, unit))
        return RANGE_NONE;
    v = view_trim(view_from(v, unit.len));
    if (v.len > 0 && v.at[0] == '-') { /* the last so many */
        v = view_from(v, 1);
        if (!take_digits(&v, &to) || v.len > 0)
            return RANGE_NONE;
        from = to < size ? size - to : 0;
        to = to > 0 ? size - 1 : 0;
        if (size == 0 || to == 0)
            return RANGE_BEYOND;
    } else {
        if (!take_digits(&v, &from) || v.len == 0 || v.at[0] != '-')
            return RANGE_NONE;
        v = view_from(v, 1);
        if (v.len == 0)
            to = size > 0 ? size - 1 : 0;
        else if (!take_digits(&v, &to) || v.len > 0 || to < from)
            return RANGE_NONE; /* several parts, or none that is one: all of it is a right answer, too */
        if (from >= size)
            return RANGE_BEYOND;
        to = to < size ? to : size - 1;
    }
    *out_from = from;
    *out_count = to - from + 1;
    return RANGE_PART;
}

struct part {
    struct call *call;
    const struct course_asset *asset;
    uint64_t from, count;
};

static bool write_part(void *context, FILE *to, struct imw_error_info *err)
{
    const struct part *p = context;

    return asset_read(p->call->db, p->asset, p->from, p->count, to, err);
}

void answer_asset(struct call *c, const struct course_asset *asset)
{
    struct part p = { c, asset, 0, asset->size };
    enum range range = range_read(c->range, asset->size, &p.from, &p.count);
    static const char *const types[] = { "image/png", "image/jpeg", "image/svg+xml", "video/mp4",
                                         "video/webm" };
    const char *type = "application/octet-stream";
    char text[96];

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i], asset->type) == 0)
            type = types[i];
    if (range == RANGE_BEYOND) {
        snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)asset->size);
        call_header(c, "Content-Range", text);
        call_problem(c, 416, NULL, "it has %llu octets", (unsigned long long)asset->size);
        return;
    }
    if (range == RANGE_PART && p.count > PART_BYTES)
        p.count = PART_BYTES;
    call_file(c, type, asset->name, write_part, &p);
    if (range == RANGE_PART)
        call_part(c, p.from, p.count, asset->size);
    call_header(c, "Accept-Ranges", "bytes");
}
