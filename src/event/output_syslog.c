/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to a syslog server: RFC 5424 messages over UDP (RFC 5426), TCP (RFC 6587 section 3.4.1), TLS
 * (RFC 5425) or a local datagram socket such as /dev/log.
 *
 *     <PRI>1 TIMESTAMP HOSTNAME imward PID TYPE - EVENT
 *
 * Messages wait in a buffer of 4 MiB, each with its length in front ("251 <133>1 ..."), which is the framing
 * of TCP and TLS; a datagram is a message without it, cut at 8 KiB. Where the connection breaks within a
 * message it is sent again whole; what the other side's kernel had taken before is lost with it, since syslog
 * knows no receipts. A full buffer loses new events, counted.
 */
#include "base/json.h"
#include "event/output.h"
#include "event/peer.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    BACKLOG_BYTES = 4 * 1024 * 1024,
    DATAGRAM_BYTES = 8192,
    FRAME_BYTES = EVE_LINE_BYTES + 512,
    FACILITY = 16,   /* local0 */
    QUIET_MS = 1000, /* without a refusal, datagrams are taken to arrive again */
};

struct output_syslog {
    struct output base;
    struct peer *peer;
    bool datagrams;
    unsigned facility;
    char host[256], pid[16];
    uint64_t now_ms, connected_ms;
    bool connected;
    size_t from, len; /* what waits in the buffer: [from, from + len), from the beginning of a message on */
    size_t sent;      /* bytes of it that the other side has */
    char frame[FRAME_BYTES];
    char buffer[BACKLOG_BYTES];
};

static struct output_syslog *syslog_of(struct output *o)
{
    return (struct output_syslog *)(void *)o;
}

/* ---- messages ---- */

/* RFC 5424 section 6.2.3: 2026-11-22T10:20:30.123456Z. */
static void timestamp(struct text *t, uint64_t time_us)
{
    char quoted[48]; /* the time of events, in quotes and with another end */
    struct json j = json_over(quoted, sizeof quoted);

    json_time(&j, NULL, time_us);
    text_add(t, view_of(quoted + 1, 26));
    text_char(t, 'Z');
}

static void header(const struct output_syslog *s, const struct message *m, struct text *t)
{
    text_char(t, '<');
    text_decimal(t, s->facility * 8 + m->severity);
    text_string(t, ">1 ");
    timestamp(t, m->time_us);
    text_char(t, ' ');
    text_string(t, s->host);
    text_string(t, " imward ");
    text_string(t, s->pid);
    text_char(t, ' ');
    text_string(t, m->type);
    text_string(t, " - ");
}

/* How much of `v` a datagram takes: no half a character at its end. */
static size_t cut_length(struct view v, size_t limit)
{
    size_t n = v.len < limit ? v.len : limit;

    while (n < v.len && n > 0 && (v.at[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static void syslog_take(struct output *o, const struct message *m)
{
    struct output_syslog *s = syslog_of(o);
    struct view event = m->form[o->form];
    struct text t = TEXT(s->frame);
    char length[24];

    if (event.at[event.len - 1] == '\n')
        event = view_slice(event, 0, event.len - 1);
    header(s, m, &t);
    text_add(&t, event);
    size_t n = s->datagrams ? cut_length(view_of(t.at, t.len), DATAGRAM_BYTES) : t.len;
    int digits = snprintf(length, sizeof length, "%zu ", n);
    size_t whole = (size_t)digits + n;
    if (whole > BACKLOG_BYTES - s->len) {
        o->lost++;
        return;
    }
    if (whole > BACKLOG_BYTES - s->len - s->from) {
        memmove(s->buffer, s->buffer + s->from, s->len);
        s->from = 0;
    }
    memcpy(s->buffer + s->from + s->len, length, (size_t)digits);
    memcpy(s->buffer + s->from + s->len + digits, t.at, n);
    s->len += whole;
}

/* ---- sending ---- */

/* The first message that waits: its bytes, and those of its frame. */
static struct view first_message(const struct output_syslog *s, size_t *out_whole)
{
    struct view v = view_of(s->buffer + s->from, s->len);
    struct view digits = view_token(&v, ' ');
    uint64_t n = 0;

    if (!view_decimal(digits, FRAME_BYTES, &n))
        n = v.len; /* cannot be: we wrote it */
    *out_whole = digits.len + 1 + (size_t)n;
    return view_slice(v, 0, (size_t)n);
}

static void drop_first(struct output_syslog *s, size_t whole)
{
    s->from += whole;
    s->len -= whole;
    if (s->len == 0)
        s->from = 0;
}

static bool send_datagram(struct output_syslog *s)
{
    size_t whole;
    struct view m = first_message(s, &whole);
    ssize_t n = peer_send(s->peer, m.at, m.len, s->now_ms);
    bool gone = n < 0 && !peer_advance(s->peer, s->now_ms);

    if (n == 0 || gone)
        return false;
    if (n < 0) {
        s->base.lost++; /* too large for the network */
    } else {
        s->base.written++;
        s->base.bytes += m.len;
    }
    drop_first(s, whole);
    return true;
}

static bool send_bytes(struct output_syslog *s)
{
    ssize_t n = peer_send(s->peer, s->buffer + s->from + s->sent, s->len - s->sent, s->now_ms);
    size_t whole;

    if (n <= 0)
        return false;
    s->base.bytes += (uint64_t)n;
    s->sent += (size_t)n;
    while (s->len > 0 && (first_message(s, &whole), s->sent >= whole)) {
        s->sent -= whole;
        drop_first(s, whole);
        s->base.written++;
    }
    return true;
}

/* A connection is proof that somebody is there; of a datagram's receiver we only hear when there is none. */
static bool is_proved(const struct output_syslog *s)
{
    return !s->datagrams || s->base.error[0] == '\0' || s->now_ms - s->connected_ms >= QUIET_MS;
}

static void syslog_tick(struct output *o, uint64_t now_ms, bool idle)
{
    struct output_syslog *s = syslog_of(o);

    (void)idle;
    s->now_ms = now_ms;
    if (peer_advance(s->peer, now_ms)) {
        if (!s->connected)
            s->connected_ms = now_ms;
        s->connected = true;
        if (is_proved(s))
            output_up(o);
        while (s->len > 0 && (s->datagrams ? send_datagram(s) : send_bytes(s)))
            continue;
    }
    if (!peer_advance(s->peer, now_ms)) {
        s->connected = false;
        s->sent = 0; /* the message that was under way goes again, whole */
        if (peer_error(s->peer)[0] != '\0')
            output_down(o, "%s", peer_error(s->peer));
    }
}

static unsigned syslog_wants(struct output *o, struct pollfd *out, unsigned room)
{
    const struct output_syslog *s = syslog_of(o);

    return room > 0 && peer_wants(s->peer, s->len > 0, out) ? 1 : 0;
}

static void syslog_reopen(struct output *o)
{
    (void)o;
}

static void syslog_finish(struct output *o)
{
    struct output_syslog *s = syslog_of(o);
    size_t whole;

    for (; s->len > 0; drop_first(s, whole)) {
        first_message(s, &whole);
        o->lost++;
    }
}

static void syslog_free(struct output *o)
{
    struct output_syslog *s = syslog_of(o);

    peer_free(s->peer);
    free(s);
}

static const struct output_methods methods = { syslog_take,   syslog_tick,   syslog_wants,
                                               syslog_reopen, syslog_finish, syslog_free };

/* ---- specifications ---- */

#define USAGE                                                                                                \
    "wanted: syslog:udp://HOST[:PORT], syslog:tcp://HOST[:PORT], syslog:tls://HOST[:PORT] or "               \
    "syslog:unix:PATH, and behind ? options with & between: format=, facility=, ca=, cert=, key="

static bool parse_format(struct view v, struct output_syslog *s, struct imw_error_info *err)
{
    static const char *const names[] = {
#define X(id, name) name,
        EVENT_FORMS(X)
#undef X
    };

    for (unsigned i = 0; i < FORM_COUNT; i++) {
        if (view_equal(v, view_string(names[i]))) {
            s->base.form = (enum event_form)i;
            return true;
        }
    }
    return error_set(err, IMW_ERROR_VALUE, "output: format=%.*s: eve, cef or leef is wanted", (int)v.len,
                     v.at);
}

/* RFC 5424 section 6.2.1, table 1, those that a program may want. */
static bool parse_facility(struct view v, struct output_syslog *s, struct imw_error_info *err)
{
    static const struct {
        const char *name;
        unsigned number;
    } names[] = { { "user", 1 },    { "daemon", 3 },  { "auth", 4 },    { "authpriv", 10 },
                  { "local0", 16 }, { "local1", 17 }, { "local2", 18 }, { "local3", 19 },
                  { "local4", 20 }, { "local5", 21 }, { "local6", 22 }, { "local7", 23 } };

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (view_equal(v, view_string(names[i].name))) {
            s->facility = names[i].number;
            return true;
        }
    }
    return error_set(err, IMW_ERROR_VALUE,
                     "output: facility=%.*s: user, daemon, auth, authpriv or local0 to local7 is wanted",
                     (int)v.len, v.at);
}

static bool parse_option(struct view option, struct output_syslog *s, struct peer_config *c,
                         struct imw_error_info *err)
{
    struct view value = option, key = view_token(&value, '=');
    const struct {
        const char *key;
        char *out;
    } files[] = { { "ca", c->ca }, { "cert", c->cert }, { "key", c->key } };

    if (view_equal(key, VIEW("format")))
        return parse_format(value, s, err);
    if (view_equal(key, VIEW("facility")))
        return parse_facility(value, s, err);
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (!view_equal(key, view_string(files[i].key)))
            continue;
        if (c->transport != PEER_TLS)
            return error_set(err, IMW_ERROR_VALUE, "output: %s= goes with syslog:tls:// only", files[i].key);
        if (value.len == 0 || !output_copy(value, files[i].out, sizeof c->ca))
            return error_set(err, IMW_ERROR_VALUE, "output: %s= wants the path of a PEM file", files[i].key);
        return true;
    }
    return error_set(err, IMW_ERROR_VALUE, "output: no option '%.*s'; " USAGE, (int)key.len, key.at);
}

static bool parse_target(struct view v, struct output_syslog *s, struct peer_config *c,
                         struct imw_error_info *err)
{
    static const struct {
        const char *scheme;
        enum peer_transport transport;
    } schemes[] = {
        { "udp://", PEER_UDP }, { "tcp://", PEER_TCP }, { "tls://", PEER_TLS }, { "unix:", PEER_UNIX }
    };
    struct view options = v, target = view_token(&options, '?');
    unsigned i = 0;

    while (i < 4 && !view_starts(target, view_string(schemes[i].scheme)))
        i++;
    if (i == 4)
        return error_set(err, IMW_ERROR_VALUE, "output: " USAGE);
    c->transport = schemes[i].transport;
    target = view_from(target, strlen(schemes[i].scheme));
    if (c->transport == PEER_UNIX && (target.len == 0 || !output_copy(target, c->path, sizeof c->path)))
        return error_set(err, IMW_ERROR_VALUE, "output: syslog:unix: wants a path of at most %zu bytes",
                         sizeof c->path - 1);
    if (c->transport != PEER_UNIX &&
        !output_host(target, c->transport == PEER_TLS ? "6514" : "514", c, err)) /* RFC 5425, RFC 5426 */
        return false;
    while (options.len > 0)
        if (!parse_option(view_token(&options, '&'), s, c, err))
            return false;
    if ((c->cert[0] == '\0') != (c->key[0] == '\0'))
        return error_set(err, IMW_ERROR_VALUE, "output: cert= and key= go together");
    return true;
}

/* RFC 5424 section 6.2.4: printable ASCII, "-" where there is none. */
static void host_name(char *out, size_t size)
{
    if (gethostname(out, size) != 0 || out[0] == '\0')
        memcpy(out, "-", 2);
    out[size - 1] = '\0';
    for (char *c = out; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            *c = '?';
}

bool output_syslog_new(const char *target, struct output **out, struct imw_error_info *err)
{
    struct output_syslog *s = calloc(1, sizeof *s);
    struct peer_config config = { 0 };

    if (s == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "output: no memory");
    s->base.methods = &methods;
    s->facility = FACILITY;
    if (!parse_target(view_string(target), s, &config, err) || !peer_new(&config, &s->peer, err)) {
        free(s);
        return false;
    }
    s->datagrams = config.transport == PEER_UDP || config.transport == PEER_UNIX;
    host_name(s->host, sizeof s->host);
    snprintf(s->pid, sizeof s->pid, "%d", (int)getpid());
    *out = &s->base;
    return true;
}
