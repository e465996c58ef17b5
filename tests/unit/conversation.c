/* SPDX-License-Identifier: Apache-2.0 */
/* Scripted conversations and the laws of parsers. */
#include "conversation.h"
#include "test.h"
#include <stdlib.h>

struct side {
    uint8_t *bytes; /* the stream from its beginning, for probing; then what feed left */
    size_t len;
};

struct talk {
    const struct parser *parser;
    struct side side[2];
    void *state;
    struct outcome *out;
    bool midstream;
};

static void append(struct side *side, struct view v)
{
    side->bytes = realloc(side->bytes, side->len + v.len + 1);
    assert_non_null(side->bytes);
    memcpy(side->bytes + side->len, v.at, v.len);
    side->len += v.len;
}

/* A copy in a block of its own size, so that a read past the end is caught. */
static uint8_t *tight(struct view v)
{
    uint8_t *copy = malloc(v.len > 0 ? v.len : 1);

    assert_non_null(copy);
    memcpy(copy, v.at, v.len);
    return copy;
}

static bool feed_side(struct talk *t, enum flow_dir from)
{
    struct side *side = &t->side[from];
    struct recorder *r = &t->out->record;

    while (side->len > 0 && !r->settled && !r->upgraded) {
        uint8_t *copy = tight(view_of(side->bytes, side->len));
        size_t used = t->parser->feed(t->state, recorder_session(r), from, view_of(copy, side->len));
        free(copy);
        assert_true(used <= side->len);
        memmove(side->bytes, side->bytes + used, side->len - used);
        side->len -= used;
        if (used == 0)
            break;
    }
    return !r->settled && !r->upgraded;
}

/* As the driver does: a parser that names first bytes of a direction is not asked about others. */
static bool may_start(const struct parser *p, uint8_t first, enum flow_dir from)
{
    bool never = true;

    for (unsigned byte = 0; byte < 256 && p->starts != NULL && never; byte++)
        never = !p->starts((uint8_t)byte, from);
    return p->starts == NULL || never || p->starts(first, from);
}

static void give(struct talk *t, enum flow_dir from, struct view v)
{
    struct outcome *o = t->out;

    if (o->answer == IM_MORE && !t->midstream && t->side[from].len == 0 && v.len > 0 &&
        !may_start(t->parser, v.at[0], from))
        o->answer = IM_NO;
    append(&t->side[from], v);
    if (o->answer == IM_MORE) {
        struct sample s = { .l4 = L4_TCP, .from = from, .midstream = t->midstream };
        uint8_t *copy[2] = { tight(view_of(t->side[0].bytes, t->side[0].len)),
                             tight(view_of(t->side[1].bytes, t->side[1].len)) };

        for (int d = 0; d < 2; d++) {
            s.bytes[d] = view_of(copy[d], t->side[d].len);
            s.addr[d] = o->record.address[d];
            s.port[d] = o->record.port[d];
        }
        memset(&o->finding, 0, sizeof o->finding);
        o->answer = t->parser->probe(&s, &o->finding);
        o->asked_bytes = t->side[0].len + t->side[1].len;
        free(copy[0]);
        free(copy[1]);
        if (o->answer == IM_YES && t->parser->feed != NULL && feed_side(t, FROM_CLIENT))
            feed_side(t, FROM_SERVER);
    } else if (o->answer == IM_YES && t->parser->feed != NULL) {
        feed_side(t, from);
    }
}

static void begin(struct talk *t, const struct parser *p, struct outcome *out)
{
    memset(out, 0, sizeof *out);
    recorder_init(&out->record);
    out->answer = IM_MORE;
    *t = (struct talk){ .parser = p, .out = out };
    t->state = calloc(1, p->state_size > 0 ? p->state_size : 1);
    assert_non_null(t->state);
    assert_true(p->state_size <= PARSER_STATE_BYTES);
}

static void end(struct talk *t)
{
    if (t->out->record.inner_open >= 0)
        text_char(&t->out->record.out, '\n');
    free(t->state);
    free(t->side[0].bytes);
    free(t->side[1].bytes);
}

void converse(const struct parser *p, const struct step *steps, size_t count, struct outcome *out)
{
    struct talk t;

    begin(&t, p, out);
    for (size_t i = 0; i < count; i++)
        give(&t, steps[i].from, steps[i].bytes);
    end(&t);
}

void converse_udp(const struct parser *p, const struct step *steps, size_t count, struct outcome *out)
{
    struct datagram_head heads[SAMPLE_HEADS];
    unsigned head_count = 0;
    struct talk t;

    begin(&t, p, out);
    out->record.udp = true;
    for (size_t i = 0; i < count; i++) {
        struct view v = steps[i].bytes;

        if (head_count < SAMPLE_HEADS) {
            struct datagram_head *h = &heads[head_count++];
            h->from = (uint8_t)steps[i].from;
            h->len = (uint16_t)v.len;
            h->kept = (uint8_t)(v.len < SAMPLE_HEAD_BYTES ? v.len : SAMPLE_HEAD_BYTES);
            memcpy(h->data, v.at, h->kept);
        }
        if (out->answer == IM_MORE) {
            uint8_t *copy = tight(v);
            struct sample s = { .l4 = L4_UDP,
                                .from = steps[i].from,
                                .datagram = view_of(copy, v.len),
                                .heads = heads,
                                .head_count = head_count };
            for (int d = 0; d < 2; d++) {
                s.bytes[d] = view_of(NULL, 0);
                s.addr[d] = out->record.address[d];
                s.port[d] = out->record.port[d];
            }
            memset(&out->finding, 0, sizeof out->finding);
            out->answer = p->probe(&s, &out->finding);
            free(copy);
        }
        if (out->answer != IM_YES || p->feed == NULL || out->record.settled)
            continue;
        uint8_t *copy = tight(v);
        (void)p->feed(t.state, recorder_session(&out->record), steps[i].from, view_of(copy, v.len));
        free(copy);
    }
    end(&t);
}

/* The conversation as one-byte segments, or with one more cut at `cut`, up to `limit` bytes. */
static void recut(const struct parser *p, const struct step *steps, size_t count, size_t cut, bool bytes,
                  size_t limit, struct outcome *out)
{
    struct talk t;
    size_t at = 0;

    begin(&t, p, out);
    for (size_t i = 0; i < count; i++) {
        struct view left = view_slice(steps[i].bytes, 0, limit > at ? limit - at : 0);

        while (left.len > 0) {
            size_t n = bytes ? 1 : cut > at && cut - at < left.len ? cut - at : left.len;
            give(&t, steps[i].from, view_slice(left, 0, n));
            left = view_from(left, n);
            at += n;
        }
    }
    end(&t);
}

void check_laws(const struct parser *p, const struct step *steps, size_t count, struct outcome *out)
{
    struct outcome *other = malloc(sizeof *other);
    size_t total = 0;

    assert_non_null(other);
    for (size_t i = 0; i < count; i++)
        total += steps[i].bytes.len;
    converse(p, steps, count, out);
    recut(p, steps, count, 0, true, total, other);
    assert_int_equal(out->answer, other->answer);
    assert_string_equal(out->record.text, other->record.text);
    size_t stride = total > 4096 ? total / 2048 : 1;
    for (size_t cut = 1; cut < total; cut += stride) {
        recut(p, steps, count, cut, false, total, other);
        assert_int_equal(out->answer, other->answer);
        assert_string_equal(out->record.text, other->record.text);
    }
    for (size_t limit = 0; limit < total; limit += stride) {
        recut(p, steps, count, 0, false, limit, other);
        if (other->answer != IM_MORE)
            assert_int_equal(out->answer, other->answer);
    }
    free(other);
}

enum im_answer probe_bytes(const struct parser *p, struct view bytes)
{
    struct outcome *out = malloc(sizeof *out);
    struct step step = { FROM_CLIENT, bytes };

    assert_non_null(out);
    converse(p, &step, 1, out);
    enum im_answer answer = out->answer;
    free(out);
    return answer;
}
