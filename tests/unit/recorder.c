/* SPDX-License-Identifier: Apache-2.0 */
/* The session calls as lines of text. */
#include "recorder.h"
#include "base/hash.h"
#include <stdarg.h>
#include <stdio.h>

struct session {
    struct recorder recorder;
};

static struct recorder *of(const struct session *s)
{
    return (struct recorder *)(uintptr_t)s;
}

void recorder_init(struct recorder *r)
{
    memset(r, 0, sizeof *r);
    r->out = text_over(r->text, sizeof r->text);
    r->address[FROM_CLIENT] = ip_from_v4((const uint8_t[]){ 10, 0, 0, 1 });
    r->address[FROM_SERVER] = ip_from_v4((const uint8_t[]){ 192, 0, 2, 1 });
    r->port[FROM_CLIENT] = 40000;
    r->port[FROM_SERVER] = 5000;
    r->inner_open = RECORDER_NONE;
}

struct session *recorder_session(struct recorder *r)
{
    return (struct session *)r;
}

static void close_inner(struct recorder *r)
{
    if (r->inner_open != RECORDER_NONE)
        text_char(&r->out, '\n');
    r->inner_open = RECORDER_NONE;
    r->file_open = 0;
}

static void add(struct recorder *r, const char *format, ...) IMW_PRINTF(2, 3);

static void add(struct recorder *r, const char *format, ...)
{
    char line[1024];
    va_list args;

    close_inner(r);
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    text_string(&r->out, line);
}

static void add_view(struct recorder *r, const char *label, struct view v)
{
    if (v.len == 0)
        return;
    text_string(&r->out, label);
    text_printable(&r->out, v);
}

static void end_line(struct recorder *r)
{
    text_char(&r->out, '\n');
}

bool recorder_has(const struct recorder *r, const char *line)
{
    size_t len = strlen(line);

    for (const char *at = r->text; at != NULL && *at != '\0'; at = strchr(at, '\n'), at += at != NULL)
        if (strncmp(at, line, len) == 0 && (at[len] == '\n' || at[len] == '\0'))
            return true;
    return false;
}

unsigned recorder_count(const struct recorder *r, const char *beginning)
{
    unsigned n = 0;

    for (const char *at = r->text; at != NULL && *at != '\0'; at = strchr(at, '\n'), at += at != NULL)
        n += strncmp(at, beginning, strlen(beginning)) == 0;
    return n;
}

void session_evidence(struct session *s, const struct evidence *e)
{
    struct recorder *r = of(s);

    add(r, "evidence %s", evidence_name(e->kind));
    if (e->service != NULL)
        add_view(r, " ", view_string(e->service));
    add_view(r, " ", e->value);
    end_line(r);
}

bool session_name(struct session *s, enum evidence_kind kind, struct view host)
{
    struct recorder *r = of(s);

    add(r, "name %s ", evidence_name(kind));
    text_printable(&r->out, host);
    end_line(r);
    return r->known_names;
}

bool session_http(struct session *s, struct view method, struct view path, struct view agent)
{
    struct recorder *r = of(s);

    add(r, "http");
    add_view(r, " ", method);
    add_view(r, " ", path);
    add_view(r, " agent=", agent);
    end_line(r);
    return r->known_names;
}

void session_activity(struct session *s, enum activity a, const struct im_detail *detail)
{
    struct recorder *r = of(s);

    add(r, "activity %s", activity_name(a));
    if (detail != NULL) {
        add_view(r, " account=", detail->account);
        add_view(r, " peer=", detail->peer);
        add_view(r, " room=", detail->room);
        add_view(r, " file=", detail->file);
        if (detail->size > 0)
            text_format(&r->out, " size=%llu", (unsigned long long)detail->size);
        add_view(r, " display=", detail->display);
        if (detail->sent_us > 0)
            text_format(&r->out, " sent=%llu", (unsigned long long)detail->sent_us);
        text_string(&r->out, detail->outgoing ? " out" : " in");
        text_string(&r->out, detail->again ? " again" : "");
        if (detail->markup != MARKUP_NONE)
            text_format(&r->out, " %s", markup_name(detail->markup));
        add_view(r, " text=", detail->text);
    }
    end_line(r);
}

bool session_forbidden(struct session *s, enum activity a, const struct im_detail *detail, struct view token,
                       uint8_t with)
{
    struct recorder *r = of(s);

    (void)detail;
    if ((r->forbid >> a & 1) == 0)
        return false;
    add(r, "forbidden %s \"", activity_name(a));
    text_printable(&r->out, token);
    text_format(&r->out, "\" with %c\n", with);
    return true;
}

void session_midway(struct session *s, enum flow_dir from, bool midway)
{
    of(s)->midway[from] = midway;
}

void session_delivery(struct session *s, enum delivery d)
{
    add(of(s), "delivery %s\n", delivery_name(d));
}

void session_version(struct session *s, struct view version)
{
    add(of(s), "version");
    add_view(of(s), " ", version);
    end_line(of(s));
}

void session_client(struct session *s, struct view software)
{
    add(of(s), "client");
    add_view(of(s), " ", software);
    end_line(of(s));
}

bool session_wants_ja4(const struct session *s)
{
    (void)s;
    return true;
}

void session_ja4(struct session *s, struct view ja4)
{
    add(of(s), "ja4");
    add_view(of(s), " ", ja4);
    end_line(of(s));
}

void session_hint(struct session *s, enum hint h, struct view value)
{
    add(of(s), "hint %s", hint_name(h));
    add_view(of(s), " ", value);
    end_line(of(s));
}

void session_call(struct session *s, struct view fragments)
{
    add(of(s), "call");
    add_view(of(s), " ", fragments);
    end_line(of(s));
}

void session_expect(struct session *s, const struct expectation *e)
{
    struct recorder *r = of(s);

    add(r, "expect %s ", e->l4 == L4_TCP ? "tcp" : e->l4 == L4_UDP ? "udp" : "any");
    text_address(&r->out, &e->addr);
    text_format(&r->out, ":%u", e->port);
    if (!ip_is_zero(&e->other)) {
        text_string(&r->out, " with ");
        text_address(&r->out, &e->other);
    }
    text_format(&r->out, " %s %s", activity_name(e->activity), protocol_name(e->protocol));
    if (e->service != NULL)
        text_format(&r->out, " %s", e->service);
    if (e->relay)
        text_string(&r->out, " relayed");
    end_line(r);
}

static void learn(struct recorder *r, struct view name, const struct ip_addr *addr, uint32_t ttl_s)
{
    add(r, "learn ");
    text_printable(&r->out, name);
    text_char(&r->out, ' ');
    text_address(&r->out, addr);
    text_format(&r->out, " %u\n", ttl_s);
}

void session_learn_address(struct session *s, struct view name, struct view canonical,
                           const struct ip_addr *addr, uint32_t ttl_s)
{
    if (!view_equal_nocase(name, canonical))
        learn(of(s), canonical, addr, ttl_s);
    learn(of(s), name, addr, ttl_s);
}

static void add_who(struct session *s, const char *what, const struct ip_addr *addr, struct view name,
                    uint32_t for_s)
{
    struct recorder *r = of(s);

    add(r, "%s ", what);
    text_address(&r->out, addr);
    add_view(r, " ", name);
    if (for_s > 0)
        text_format(&r->out, " for %u", for_s);
    end_line(r);
}

void session_learn_host(struct session *s, enum who_source source, const struct ip_addr *addr,
                        struct view name, uint32_t for_s)
{
    (void)source;
    add_who(s, "host", addr, name, for_s);
}

void session_learn_user(struct session *s, enum who_source source, const struct ip_addr *addr,
                        struct view name, uint32_t for_s)
{
    (void)source;
    add_who(s, "user", addr, name, for_s);
}

void session_learn_mac(struct session *s, const struct ip_addr *addr, const uint8_t mac[6])
{
    struct recorder *r = of(s);

    add(r, "mac ");
    text_address(&r->out, addr);
    text_char(&r->out, ' ');
    text_hex(&r->out, view_of(mac, 6));
    end_line(r);
}

void session_forget_who(struct session *s, const struct ip_addr *addr)
{
    add_who(s, "forget", addr, VIEW(""), 0);
}

void session_contact(struct session *s, const struct im_contact *c)
{
    struct recorder *r = of(s);

    add(r, "contact");
    add_view(r, " account=", c->account);
    add_view(r, " peer=", c->peer);
    add_view(r, " display=", c->display);
    add_view(r, " group=", c->group);
    if (c->presence != PRESENCE_UNKNOWN)
        text_format(&r->out, " %s", presence_name(c->presence));
    text_string(&r->out, c->removed ? " removed" : "");
    end_line(r);
}

bool session_is_media(const struct session *s)
{
    return of(s)->media;
}

bool session_wants_files(const struct session *s)
{
    return !of(s)->no_files;
}

static void add_file(struct recorder *r, const struct im_file *f)
{
    add_view(r, " name=", f->name);
    add_view(r, " type=", f->type);
    add_view(r, " account=", f->account);
    add_view(r, " peer=", f->peer);
    add_view(r, " room=", f->room);
    if (f->size > 0)
        text_format(&r->out, " size=%llu", (unsigned long long)f->size);
    if (f->offset > 0)
        text_format(&r->out, " offset=%llu", (unsigned long long)f->offset);
    text_string(&r->out, f->outgoing ? " out" : " in");
    end_line(r);
}

uint32_t session_file_begin(struct session *s, const struct im_file *f)
{
    struct recorder *r = of(s);

    add(r, "file %u", ++r->files);
    add_file(r, f);
    return r->files;
}

/* Pieces that follow each other are joined, so that segmentation does not show. */
void session_file_bytes(struct session *s, uint32_t file, uint64_t offset, struct view bytes)
{
    struct recorder *r = of(s);

    if (file == 0 || bytes.len == 0)
        return;
    if (r->file_open != file || r->file_at != offset) {
        add(r, "bytes %u at %llu ", file, (unsigned long long)offset);
        r->inner_open = RECORDER_FILE;
    }
    r->file_open = file;
    r->file_at = offset + bytes.len;
    text_printable(&r->out, bytes);
}

void session_file_end(struct session *s, uint32_t file, bool whole)
{
    if (file != 0)
        add(of(s), "file %u %s\n", file, whole ? "whole" : "cut");
}

/* "announce TOKEN name=..." */
void session_announce(struct session *s, struct view token, const struct im_file *f)
{
    struct recorder *r = of(s);

    add_view((add(r, "announce"), r), " ", token);
    add_file(r, f);
    r->announced_token = hash_bytes(token, 0);
    r->announced = (struct announced_file){ .size = f->size, .offset = f->offset, .outgoing = f->outgoing };
    struct text name = TEXT(r->announced.name);
    text_printable(&name, f->name);
}

bool session_announced(struct session *s, struct view token, struct announced_file *out)
{
    struct recorder *r = of(s);

    bool found = r->announced_at > 0 ? --r->announced_at == 0
                                     : r->announced_token != 0 && r->announced_token == hash_bytes(token, 0);
    if (!found)
        return false;
    *out = r->announced;
    return true;
}

struct view session_server_name(const struct session *s)
{
    return view_string(of(s)->server_name);
}

void session_anomaly(struct session *s, enum anomaly a, struct view value)
{
    struct recorder *r = of(s);

    add(r, "anomaly %s", anomaly_name(a));
    add_view(r, " ", value);
    end_line(r);
}

void session_ticket(struct session *s, struct view ticket)
{
    add(of(s), "ticket");
    add_view(of(s), " ", ticket);
    end_line(of(s));
}

void session_upgrade(struct session *s, enum protocol hint)
{
    add(of(s), "upgrade %s\n", protocol_name(hint));
    of(s)->upgraded = true;
}

void session_inner(struct session *s, enum flow_dir from, struct view bytes)
{
    struct recorder *r = of(s);

    if (r->inner_open != (int)from) {
        add(r, "inner %s ", from == FROM_CLIENT ? "client" : "server");
        r->inner_open = (int)from;
    }
    text_printable(&r->out, bytes);
}

void session_inner_end(struct session *s)
{
    add(of(s), "inner end\n");
}

void session_settle(struct session *s)
{
    if (!of(s)->settled)
        add(of(s), "settle\n");
    of(s)->settled = true;
}

const struct ip_addr *session_address(const struct session *s, bool server)
{
    return &of(s)->address[server ? FROM_SERVER : FROM_CLIENT];
}

uint16_t session_port(const struct session *s, bool server)
{
    return of(s)->port[server ? FROM_SERVER : FROM_CLIENT];
}

bool session_is_udp(const struct session *s)
{
    return of(s)->udp;
}

void session_trace(struct session *s, const char *format, ...)
{
    (void)s;
    (void)format;
}
