/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to the collector of a console (collector_wire.h), which acknowledges what it has on disk.
 *
 * Lines gather for a tenth of a second or up to 256 KiB, are packed and become a batch in a list, oldest
 * first: acknowledged ones leave it at its head, `unsent` is the first that did not go out on this
 * connection. When the connection breaks, all of the list goes out again but for what the new WELCOME says is
 * stored. The list has a limit in octets; beyond it new events are lost, and counted. What is in it is lost
 * with the process, too.
 */
#include "base/log.h"
#include "base/thread.h"
#include "event/collector_wire.h"
#include "event/output.h"
#include "event/peer.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

enum {
    GATHER_BYTES = 256 * 1024,
    GATHER_MS = 100,
    KEEP_MIB = 64,
    PACK_LEVEL = 1, /* some 400 MB/s */
    REPLIES = 16,   /* of the collector that are read at once */
    SOON_DAYS = 30, /* a certificate that ends so soon is told */
    /* Between two tries at most. Nobody else has these events, and what is kept is bounded: a console that is
     * there for moments only, as one that is started again and again, must be found in one of them. */
    AGAIN_MS = 4000,
};

struct batch {
    struct batch *next;
    uint64_t number; /* 0: never sent */
    uint32_t lines, plain;
    size_t size;     /* of the frame */
    uint8_t frame[]; /* its head is written when it is sent for the first time */
};

struct output_collector {
    struct output base;
    struct peer_config config;
    struct peer *peer;
    ZSTD_CCtx *zstd;
    char name[COLLECTOR_NAME_BYTES];
    uint64_t now_ms, status_ms, gathered_ms; /* gathered_ms: since when lines wait */
    bool greeted, welcome;
    size_t keep, kept; /* octets of the list, and the most */
    struct batch *first, *last, *unsent;
    uint64_t next_number; /* of the next batch that is sent for the first time; 0: before the first WELCOME */
    size_t sent;          /* octets of `unsent` that are out */
    bool begun;           /* and TLS may hold more of it: nothing else may come now */
    size_t say_len, said; /* HELLO and STATUS, which go out between batches */
    size_t reply_len;
    uint8_t say[2 * COLLECTOR_REPLY_BYTES];
    uint8_t reply[REPLIES * COLLECTOR_REPLY_BYTES];
    uint32_t lines;
    size_t plain_len;
    uint8_t plain[COLLECTOR_PLAIN_BYTES];
};

static struct output_collector *collector_of(struct output *o)
{
    return (struct output_collector *)(void *)o;
}

/* ---- batches ---- */

static void append(struct output_collector *c, struct batch *b)
{
    if (c->last != NULL)
        c->last->next = b;
    else
        c->first = b;
    c->last = b;
    if (c->unsent == NULL)
        c->unsent = b;
    c->kept += b->size;
}

/* Make a batch of the lines that were gathered. */
static void seal(struct output_collector *c)
{
    size_t most = COLLECTOR_BATCH_HEAD_BYTES + ZSTD_compressBound(c->plain_len);
    struct batch *b, *fit;

    if (c->lines == 0)
        return;
    b = c->kept < c->keep ? malloc(sizeof *b + most) : NULL;
    if (b != NULL) {
        size_t n = ZSTD_compressCCtx(c->zstd, b->frame + COLLECTOR_BATCH_HEAD_BYTES,
                                     most - COLLECTOR_BATCH_HEAD_BYTES, c->plain, c->plain_len, PACK_LEVEL);
        *b = (struct batch){ .lines = c->lines,
                             .plain = (uint32_t)c->plain_len,
                             .size = COLLECTOR_BATCH_HEAD_BYTES + n };
        if (ZSTD_isError(n) || b->size > c->keep - c->kept) {
            free(b);
            b = NULL;
        } else if ((fit = realloc(b, sizeof *b + b->size)) != NULL) {
            b = fit;
        }
    }
    if (b != NULL)
        append(c, b);
    else
        c->base.lost += c->lines;
    c->lines = 0;
    c->plain_len = 0;
}

static void collector_take(struct output *o, const struct message *m)
{
    struct output_collector *c = collector_of(o);
    struct view line = m->form[FORM_EVE];

    if (c->plain_len + line.len > GATHER_BYTES)
        seal(c);
    if (c->lines == 0)
        c->gathered_ms = c->now_ms;
    memcpy(c->plain + c->plain_len, line.at,
           line.len); /* at most EVE_LINE_BYTES, which is far from the end */
    c->plain_len += line.len;
    c->lines++;
}
_Static_assert((int)GATHER_BYTES + (int)EVE_LINE_BYTES <= (int)COLLECTOR_PLAIN_BYTES, "room for a line");

/* Batches up to this number are on the collector's disk. */
static void acknowledge(struct output_collector *c, uint64_t number)
{
    while (c->first != NULL && c->first->number != 0 && c->first->number <= number) {
        struct batch *b = c->first;
        c->first = b->next;
        if (c->unsent == b)
            c->unsent = b->next;
        c->kept -= b->size;
        c->base.written += b->lines;
        c->base.bytes += b->size;
        free(b);
    }
    if (c->first == NULL)
        c->last = NULL;
}

/* ---- what the collector says ---- */

static void be_welcome(struct output_collector *c, uint64_t stored)
{
    if (c->next_number == 0)
        c->next_number = clock_us();
    acknowledge(c, stored); /* those that were sent before */
    if (c->next_number <= stored)
        c->next_number = stored + 1;
    c->unsent = c->first;
    c->welcome = true;
    peer_proved(c->peer);
    output_up(&c->base);
}

static bool hear_frame(struct output_collector *c, const struct collector_frame *f)
{
    char why[128];
    struct text t = TEXT(why);

    if (f->type == COLLECTOR_REFUSED) {
        text_string(&t, "the collector refuses us: ");
        text_printable(&t, f->why);
        peer_end(c->peer, c->now_ms, why);
        return false;
    }
    if (f->type == COLLECTOR_WELCOME && !c->welcome && f->version == COLLECTOR_VERSION) {
        be_welcome(c, f->number);
        return true;
    }
    bool sent = c->unsent == NULL || c->unsent->number == 0 || f->number < c->unsent->number;
    if (f->type == COLLECTOR_ACK && c->welcome && sent && f->number < c->next_number) {
        acknowledge(c, f->number);
        return true;
    }
    peer_end(c->peer, c->now_ms, "the server does not speak as a collector of this version");
    return false;
}

/* Returns false where the connection ended. */
static bool hear(struct output_collector *c)
{
    ssize_t n;

    while ((n = peer_receive(c->peer, c->reply + c->reply_len, sizeof c->reply - c->reply_len, c->now_ms)) >
           0) {
        struct view in = view_of(c->reply, c->reply_len + (size_t)n);
        struct collector_frame f;
        enum wire_answer answer;
        size_t used;
        while ((answer = collector_frame_parse(in, false, &f, &used)) == WIRE_FRAME) {
            if (!hear_frame(c, &f))
                return false;
            in = view_from(in, used);
        }
        if (answer == WIRE_BAD) {
            peer_end(c->peer, c->now_ms, "the server is no collector");
            return false;
        }
        memmove(c->reply, in.at, in.len);
        c->reply_len = in.len;
    }
    return n == 0;
}

/* ---- what we say ---- */

static void say(struct output_collector *c, const struct collector_frame *f)
{
    if (c->said == c->say_len)
        c->said = c->say_len = 0;
    if (sizeof c->say - c->say_len >= COLLECTOR_REPLY_BYTES)
        c->say_len += collector_frame_write(f, c->say + c->say_len);
}

static void greet(struct output_collector *c)
{
    const struct collector_frame hello = { .type = COLLECTOR_HELLO,
                                           .version = COLLECTOR_VERSION,
                                           .name = view_string(c->name),
                                           .software = VIEW("imward " IMWARD_VERSION) };

    c->welcome = false;
    c->reply_len = c->said = c->say_len = c->sent = 0;
    c->unsent = c->first;
    c->begun = false;
    c->status_ms = c->now_ms;
    c->greeted = true;
    say(c, &hello);
}

static void say_status(struct output_collector *c)
{
    const struct collector_frame status = { .type = COLLECTOR_STATUS,
                                            .lost = c->base.lost,
                                            .waiting = c->kept };

    if (c->now_ms - c->status_ms < COLLECTOR_STATUS_MS)
        return;
    c->status_ms = c->now_ms;
    say(c, &status);
}

static bool say_all(struct output_collector *c)
{
    while (c->said < c->say_len) {
        ssize_t n = peer_send(c->peer, c->say + c->said, c->say_len - c->said, c->now_ms);
        if (n <= 0)
            return false;
        c->said += (size_t)n;
    }
    return true;
}

static void send_batches(struct output_collector *c)
{
    struct batch *b;

    while ((b = c->unsent) != NULL) {
        if (!c->begun && !say_all(c))
            return;
        if (b->number == 0) {
            b->number = c->next_number++;
            collector_batch_head(b->frame, b->number, b->lines, b->plain,
                                 b->size - COLLECTOR_BATCH_HEAD_BYTES);
        }
        c->begun = true;
        ssize_t n = peer_send(c->peer, b->frame + c->sent, b->size - c->sent, c->now_ms);
        if (n <= 0)
            return;
        c->sent += (size_t)n;
        if (c->sent == b->size) {
            c->sent = 0;
            c->begun = false;
            c->unsent = b->next;
        }
    }
    (void)say_all(c);
}

static void converse(struct output_collector *c)
{
    if (!c->greeted)
        greet(c);
    if (!hear(c))
        return;
    say_status(c);
    if (!c->welcome)
        (void)say_all(c);
    else
        send_batches(c);
    /* An ACK that does not come is no failure: the collector may wait for its disk. Whether it lives tells
     * TCP, by the STATUS that it must take. */
}

static void collector_tick(struct output *o, uint64_t now_ms, bool idle)
{
    struct output_collector *c = collector_of(o);

    (void)idle;
    c->now_ms = now_ms;
    if (c->lines > 0 && now_ms - c->gathered_ms >= GATHER_MS)
        seal(c);
    if (peer_advance(c->peer, now_ms))
        converse(c);
    if (!peer_advance(c->peer, now_ms)) {
        c->greeted = c->welcome = false;
        if (peer_error(c->peer)[0] != '\0')
            output_down(o, "%s", peer_error(c->peer));
    }
}

static unsigned collector_wants(struct output *o, struct pollfd *out, unsigned room)
{
    const struct output_collector *c = collector_of(o);
    bool sending = c->said < c->say_len || (c->welcome && c->unsent != NULL);

    if (room == 0 || (c->first == NULL && c->lines == 0) || !peer_wants(c->peer, true, out))
        return 0;
    if (c->greeted && !sending)
        out->events = POLLIN;
    return 1;
}

/* A certificate that was renewed is in the same file. */
static void collector_reopen(struct output *o)
{
    struct output_collector *c = collector_of(o);
    struct imw_error_info err;
    struct peer *p;
    char words[512];

    if (!peer_new(&c->config, &p, &err)) {
        log_error("output_bundle", "%s: the one from before stays", error_format(&err, words, sizeof words));
        return;
    }
    peer_free(c->peer);
    c->peer = p;
    c->greeted = c->welcome = false;
    o->certificate_end_s = peer_certificate_end_s(p);
}

static void collector_finish(struct output *o)
{
    struct output_collector *c = collector_of(o);

    seal(c);
    while (c->first != NULL) {
        struct batch *b = c->first;
        c->first = b->next;
        o->lost += b->lines;
        free(b);
    }
    c->last = c->unsent = NULL;
    c->kept = 0;
}

static void collector_free(struct output *o)
{
    struct output_collector *c = collector_of(o);

    while (c->first != NULL) {
        struct batch *b = c->first;
        c->first = b->next;
        free(b);
    }
    peer_free(c->peer);
    ZSTD_freeCCtx(c->zstd);
    free(c);
}

static const struct output_methods methods = { collector_take,   collector_tick,   collector_wants,
                                               collector_reopen, collector_finish, collector_free };

/* ---- specifications ---- */

#define USAGE                                                                                                \
    "wanted: collector:HOST[:PORT],bundle=FILE, and perhaps ,keep=SIZE (such as 256M) and ,name=NAME"

static bool parse_size(struct view v, size_t *out)
{
    static const struct {
        char unit;
        unsigned shift;
    } units[] = { { 'K', 10 }, { 'M', 20 }, { 'G', 30 } };
    unsigned shift = 0;
    uint64_t n;

    for (unsigned i = 0; v.len > 0 && i < sizeof units / sizeof units[0]; i++)
        if (v.at[v.len - 1] == units[i].unit)
            shift = units[i].shift;
    if (!view_decimal(view_slice(v, 0, v.len - (shift > 0)), (64ull << 30) >> shift, &n) ||
        n << shift < 2 * COLLECTOR_PLAIN_BYTES)
        return false;
    *out = (size_t)(n << shift);
    return true;
}

static bool parse_option(struct view option, struct output_collector *c, struct imw_error_info *err)
{
    struct view value = option, key = view_token(&value, '=');

    if (view_equal(key, VIEW("bundle")) && value.len > 0)
        return output_copy(value, c->config.bundle, sizeof c->config.bundle) ||
               error_set(err, IMW_ERROR_VALUE, "output: the path of bundle= is too long");
    if (view_equal(key, VIEW("keep")))
        return parse_size(value, &c->keep) ||
               error_set(err, IMW_ERROR_VALUE, "output: keep=%.*s: 2M to 64G is wanted", (int)value.len,
                         value.at);
    if (view_equal(key, VIEW("name")) && value.len > 0) {
        struct text t = TEXT(c->name);
        text_printable(&t, value);
        return true;
    }
    return error_set(err, IMW_ERROR_VALUE, "output: no option '%.*s'; " USAGE, (int)option.len, option.at);
}

static bool parse(struct view v, struct output_collector *c, struct imw_error_info *err)
{
    struct view target = view_token(&v, ',');

    if (!output_host(target, COLLECTOR_PORT, &c->config, err))
        return false;
    while (v.len > 0)
        if (!parse_option(view_token(&v, ','), c, err))
            return false;
    return c->config.bundle[0] != '\0' ||
           error_set(err, IMW_ERROR_VALUE,
                     "output: bundle= is missing, the file that 'imward sensor add' makes");
}

static void tell_certificate(struct output_collector *c)
{
    uint64_t now_s = clock_us() / 1000000;
    int64_t days = ((int64_t)c->base.certificate_end_s - (int64_t)now_s) / 86400;

    if (days < SOON_DAYS)
        log_warning("sensor_certificate",
                    "days=%" PRId64 " file=%s: renew it by 'imward sensor add --renew NAME' on the console, "
                    "put the new bundle in its place, and 'imward control reopen'",
                    days, c->config.bundle);
}

/* Printable ASCII, as HELLO wants it. */
static void usual_name(char *out, size_t size)
{
    if (gethostname(out, size) != 0 || out[0] == '\0')
        memcpy(out, "sensor", 7);
    out[size - 1] = '\0';
    for (char *at = out; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

bool output_collector_new(const char *target, struct output **out, struct imw_error_info *err)
{
    struct output_collector *c = calloc(1, sizeof *c);

    if (c == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "output: no memory");
    c->base.methods = &methods;
    c->keep = (size_t)KEEP_MIB << 20;
    c->config = (struct peer_config){
        .transport = PEER_TLS, .server_name = COLLECTOR_NAME, .receives = true, .retry_max_ms = AGAIN_MS
    };
    usual_name(c->name, sizeof c->name);
    c->zstd = ZSTD_createCCtx();
    if (c->zstd == NULL)
        error_set(err, IMW_ERROR_MEMORY, "output: no memory to pack events");
    if (c->zstd == NULL || !parse(view_string(target), c, err) || !peer_new(&c->config, &c->peer, err)) {
        collector_free(&c->base);
        return false;
    }
    c->base.certificate_end_s = peer_certificate_end_s(c->peer);
    tell_certificate(c);
    *out = &c->base;
    return true;
}
