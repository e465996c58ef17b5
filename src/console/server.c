/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The api role: HTTP over connections that the front hands over.
 *
 * messages it takes: CONNECTIONS (front): a connection, with the client's address. It asks the keeper and the
 * clerk, and answers nobody.
 *
 * Life of a request: its first line makes a struct request (on_target). With the headers it is judged as far
 * as they allow (route, method, kind and size of the body); a file's sender is looked at by a worker before
 * the first byte of the file is taken. The body is read; then the connection is suspended, a worker answers,
 * resumes it, and the answer is sent. What is judged early is answered at once when the body is long, and
 * after the body when it is short, so that the client sees the answer.
 */
#include "console/server.h"
#include "base/address.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "console/handover.h"
#include "console/limits.h"
#include "console/link.h"
#include "sensor/sandbox.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { ROUND_MS = 250, LATE_MS = 500, ACCEPTS = 64, STOP_MS = 3000 };

enum peer_wait { PEER_HEAD, PEER_BODY, PEER_FILE, PEER_ANSWER };

/* One connection of a browser. */
struct peer {
    struct peer *next, *before;
    int fd;
    enum peer_wait waits_for;
    uint64_t since_ms, bytes;
    bool ended;
};

struct server {
    const struct role_context *context;
    struct api api;
    struct MHD_Daemon *daemon;
    struct workers *workers;
    struct streams *streams;
    struct files *files;
    struct peer *peers;
    unsigned peer_count, uploads;
    size_t bodies; /* octets of all */
    uint64_t looked_ms, seed;
    pthread_mutex_t parking;
    struct request *parked; /* those that wait for a change, by `next` */
    unsigned parked_count;
    int wake; /* eventfd: a worker has resumed a connection, which by itself does not end our wait */
    bool ending;
};

struct api *server_api(struct server *s);
void server_resume(struct server *s, struct request *r);
void server_park(struct server *s, struct request *r);

struct api *server_api(struct server *s)
{
    return &s->api;
}

void server_resume(struct server *s, struct request *r)
{
    const uint64_t one = 1;

    MHD_resume_connection(r->connection);
    (void)!write(s->wake, &one, sizeof one);
}

/* ---- those that wait ---- */

/* Of a worker: the request waits for a change without one. Where too many do, it has waited enough. */
void server_park(struct server *s, struct request *r)
{
    pthread_mutex_lock(&s->parking);
    const bool room = s->parked_count < SERVER_PARKED;
    if (room) {
        if (r->parked_ms == 0)
            r->parked_ms = clock_ms();
        r->next = s->parked;
        s->parked = r;
        s->parked_count++;
    }
    pthread_mutex_unlock(&s->parking);
    if (!room) {
        r->in.waited = true;
        r->answer.waits = false;
        workers_give(s->workers, r);
    }
}

/* Those whose change came, or whose time is over, go back to the workers. */
static void look_at_parked(struct server *s, uint64_t now_ms)
{
    struct request *due = NULL;

    pthread_mutex_lock(&s->parking);
    for (struct request **at = &s->parked; *at != NULL;) {
        struct request *r = *at;
        r->in.waited = now_ms - r->parked_ms >= SERVER_PARKED_MS;
        if (!r->in.waited && changes_seen(s->context->changes, r->answer.wait_for) == r->answer.wait_seen) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        s->parked_count--;
        r->answer.waits = false;
        r->next = due;
        due = r;
    }
    pthread_mutex_unlock(&s->parking);
    while (due != NULL) {
        struct request *r = due;
        due = r->next;
        workers_give(s->workers, r);
    }
}

/* ---- answers ---- */

void response_secure(struct MHD_Response *r, bool api)
{
    static const char *const headers[][2] = {
        { "Strict-Transport-Security", "max-age=63072000" },
        { "X-Content-Type-Options", "nosniff" },
        { "X-Frame-Options", "DENY" },
        { "Referrer-Policy", "no-referrer" },
        { "Permissions-Policy",
          "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()" },
        { "Cross-Origin-Opener-Policy", "same-origin" },
        { "Cross-Origin-Embedder-Policy", "require-corp" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
    };

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        MHD_add_response_header(r, headers[i][0], headers[i][1]);
    MHD_add_response_header(
        r, "Content-Security-Policy",
        api ? "default-src 'none'; frame-ancestors 'none'; sandbox"
            : "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
              "font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; "
              "form-action 'self'; frame-ancestors 'none'");
    if (api)
        MHD_add_response_header(r, "Cache-Control", "no-store");
}

static struct peer *peer_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static void peer_waits(struct MHD_Connection *c, enum peer_wait what)
{
    struct peer *p = peer_of(c);

    if (p == NULL)
        return;
    p->waits_for = what;
    p->since_ms = clock_ms();
    p->bytes = 0;
}

static struct MHD_Response *make_response(struct call_answer *a)
{
    struct MHD_Response *r;

    if (a->fd >= 0) {
        r = MHD_create_response_from_fd64(a->fd_size, a->fd);
        if (r != NULL)
            a->fd = -1; /* it is the response's */
    } else {
        r = MHD_create_response_from_buffer(a->len, a->bytes != NULL ? a->bytes : (void *)(uintptr_t) "",
                                            a->bytes != NULL ? MHD_RESPMEM_MUST_FREE
                                                             : MHD_RESPMEM_PERSISTENT);
        if (r != NULL)
            a->bytes = NULL;
    }
    if (r != NULL && a->type != NULL)
        MHD_add_response_header(r, "Content-Type", a->type);
    return r;
}

/* Send what the request's answer says. */
static enum MHD_Result send_answer(struct server *s, struct request *r)
{
    struct call_answer *a = &r->answer;
    struct MHD_Response *response = NULL;

    if (a->status == 0)
        answer_problem(a, 500, NULL, "the server has no answer to this; please report it");
    if (a->stream) {
        response = stream_new(s->streams, r->connection, cookie_find(r->in.cookie));
        if (response == NULL) {
            answer_problem(a, 503, NULL, "too many streams are open: close other windows of the console");
            answer_header(a, "Retry-After", "60");
        }
    }
    if (response == NULL)
        response = make_response(a);
    if (response == NULL)
        return MHD_NO;
    for (unsigned i = 0; i < a->header_count; i++)
        MHD_add_response_header(response, a->headers[i][0], a->headers[i][1]);
    response_secure(response, true);
    enum MHD_Result result = MHD_queue_response(r->connection, a->status, response);
    MHD_destroy_response(response);
    r->phase = REQUEST_ANSWERED;
    peer_waits(r->connection, PEER_ANSWER);
    return result;
}

/* ---- requests ---- */

static void *on_target(void *context, const char *uri, struct MHD_Connection *c)
{
    struct server *s = context;
    struct request *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->server = s;
    r->connection = c;
    r->upload_fd = -1;
    r->raw = strdup(uri);
    r->started_ms = clock_ms();
    answer_init(&r->answer);
    if (r->raw == NULL) {
        free(r);
        return NULL;
    }
    return r;
}

static void request_free(struct request *r)
{
    if (r->upload_fd >= 0)
        close(r->upload_fd);
    if (r->upload_path[0] != '\0') {
        (void)unlink(r->upload_path); /* the handler has moved it, where it keeps it */
        r->server->uploads--;
    }
    r->server->bodies -= r->body_room;
    if (r->body != NULL)
        explicit_bzero(r->body, r->body_room);
    free(r->body);
    free(r->raw);
    answer_fini(&r->answer);
    free(r);
}

static void on_completed(void *context, struct MHD_Connection *c, void **state,
                         enum MHD_RequestTerminationCode why)
{
    struct request *r = *state;

    (void)context;
    (void)why;
    if (r != NULL)
        request_free(r);
    *state = NULL;
    peer_waits(c, PEER_HEAD);
}

/* The library would decode the path, and decode it once too often: we do that. */
static size_t keep_escaped(void *context, struct MHD_Connection *c, char *text)
{
    (void)context;
    (void)c;
    return strlen(text);
}

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static enum MHD_Result keep_forwarded(void *context, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    const char **last = context;

    (void)kind;
    if (view_equal_nocase(view_string(name), VIEW("X-Forwarded-For")))
        *last = value;
    return MHD_YES;
}

/* The client's address, as the front saw it; behind a proxy of ours, as that says. */
static void note_address(struct server *s, struct request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *at = info != NULL ? info->client_addr : NULL;
    struct text t = TEXT(r->address);
    char name[INET6_ADDRSTRLEN] = "?";

    if (at != NULL && at->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)at)->sin_addr, name, sizeof name);
    else if (at != NULL && at->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)at)->sin6_addr, name, sizeof name);
    struct view seen = view_string(name), mapped = VIEW("::ffff:");
    if (view_starts_nocase(seen, mapped) && view_find_byte(seen, '.', 0) < seen.len)
        seen = view_from(seen, mapped.len);
    const char *proxy = s->context->config->proxy, *forwarded = NULL;
    if (proxy != NULL) /* the last line: a proxy adds one behind those that its client wrote */
        (void)MHD_get_connection_values(r->connection, MHD_HEADER_KIND, keep_forwarded, (void *)&forwarded);
    if (proxy != NULL && forwarded != NULL && view_equal(seen, view_string(proxy))) {
        const char *comma = strrchr(forwarded, ','); /* the last is the one that our proxy wrote */
        struct view last = view_trim(view_string(comma != NULL ? comma + 1 : forwarded));
        struct ip_addr ip;
        if (last.len < sizeof r->address && ip_parse(last, &ip))
            seen = last;
    }
    text_printable(&t, seen);
}

static void note_headers(struct request *r)
{
    struct MHD_Connection *c = r->connection;
    struct text agent = TEXT(r->agent);

    r->in.cookie = header(c, "Cookie");
    r->in.authorization = header(c, "Authorization");
    r->in.csrf = header(c, "X-CSRF-Token");
    r->in.origin = header(c, "Origin");
    r->in.host = header(c, "Host");
    r->in.fetch_site = header(c, "Sec-Fetch-Site");
    r->in.range = header(c, "Range");
    text_printable(&agent, view_string(header(c, "User-Agent")));
    r->in.agent = r->agent;
    r->in.address = r->address;
    struct view bearer = bearer_find(r->in.authorization), cookie = cookie_find(r->in.cookie);
    r->who = hash_bytes(bearer.len > 0   ? bearer
                        : cookie.len > 0 ? cookie
                                         : view_string(r->address),
                        r->server->seed);
}

/* Is the kind of body what the route takes? */
static bool type_fits(const struct request *r)
{
    const char *type = header(r->connection, "Content-Type");
    struct view v = view_string(type), word = view_trim(view_token(&v, ';'));

    switch (r->in.route->body) {
    case BODY_JSON: return view_equal_nocase(word, VIEW("application/json"));
    case BODY_FILE:
        return !view_equal_nocase(word, VIEW("application/x-www-form-urlencoded")) &&
               !view_starts_nocase(word, VIEW("multipart/"));
    case BODY_NONE: break;
    }
    return true;
}

static uint64_t body_most(const struct route *route)
{
    return route->body == BODY_FILE                 ? BODY_FILE_BYTES
           : route->body == BODY_NONE               ? 1024 /* read and forgotten */
           : route->permission == PERMISSION_PUBLIC ? BODY_PUBLIC_BYTES
                                                    : BODY_JSON_BYTES;
}

/* What the headers say of the body: its length, or, in pieces, UINT64_MAX. */
static uint64_t body_announced(const struct request *r)
{
    const char *length = header(r->connection, "Content-Length");
    uint64_t n = 0;

    if (header(r->connection, "Transfer-Encoding") != NULL)
        return UINT64_MAX;
    if (length != NULL && !view_decimal(view_string(length), INT64_MAX, &n))
        return UINT64_MAX;
    return n;
}

/* The route, or why there is none. */
static bool find_route(struct request *r, const char *method)
{
    unsigned allowed = 0;
    enum method m;
    char list[64];

    if (strlen(r->raw) >= TARGET_BYTES - TARGET_SEGMENTS) {
        answer_problem(&r->answer, 414, NULL, "the address is longer than %d octets",
                       TARGET_BYTES - TARGET_SEGMENTS);
        return false;
    }
    if (!target_parse(view_string(r->raw), &r->target)) {
        answer_problem(&r->answer, 404, NULL, "there is no such path");
        return false;
    }
    bool known = method_parse(method, &m);
    r->in.route = route_find(m, &r->target, r->in.parts, &allowed);
    if (!known)
        r->in.route = NULL;
    if (r->in.route == NULL && allowed != 0) {
        allow_format(allowed, list, sizeof list);
        answer_problem(&r->answer, 405, NULL, "this path takes %s", list);
        answer_header(&r->answer, "Allow", list);
    } else if (r->in.route == NULL) {
        answer_problem(&r->answer, 404, NULL, "there is no such path");
    }
    r->in.query = r->target.query;
    return r->in.route != NULL;
}

/* All that can be said of a request before its body. True: it may come. */
static bool judge_head(struct server *s, struct request *r, const char *method)
{
    unsigned retry_s = 1;
    char seconds[16];

    if (!limits_take(s->api.limits, LIMIT_ADDRESS, view_string(r->address), clock_ms(), &retry_s)) {
        answer_problem(&r->answer, 429, NULL, "that was too often: try again in %u s", retry_s);
        snprintf(seconds, sizeof seconds, "%u", retry_s);
        answer_header(&r->answer, "Retry-After", seconds);
        return false;
    }
    if (!find_route(r, method))
        return false;
    const struct route *route = r->in.route;
    uint64_t announced = body_announced(r), most = body_most(route);
    if (route->permission != PERMISSION_PUBLIC && !request_is_named(&r->in)) {
        answer_problem(&r->answer, 401, NULL, "sign in first");
        return false;
    }
    if (announced != 0 && !type_fits(r)) {
        answer_problem(&r->answer, 415, NULL, "%s",
                       route->body == BODY_JSON ? "the body is to be application/json"
                                                : "the body is to be the file itself, not a form");
        return false;
    }
    if (announced != UINT64_MAX && announced > most) {
        answer_problem(&r->answer, 413, NULL, "a body here has at most %llu octets",
                       (unsigned long long)most);
        return false;
    }
    r->body_limit = route->body == BODY_FILE ? 0 : (size_t)most;
    return true;
}

static void refuse_busy(struct request *r, unsigned status, const char *why)
{
    answer_problem(&r->answer, status, NULL, "%s", why);
    answer_header(&r->answer, "Retry-After", "10");
}

/* Beside `more` octets the database needs some: a file does not take the last ones. */
static bool disk_has_room(const char *data, uint64_t more)
{
    struct statvfs room;

    return statvfs(data, &room) != 0 || (uint64_t)room.f_bavail * room.f_frsize >= more + (64ull << 20);
}

/* A place for a file that comes. */
static bool begin_upload(struct server *s, struct request *r)
{
    const char *data = s->context->config->data;
    uint64_t announced = body_announced(r), random;
    struct text name = TEXT(r->name);

    if (s->uploads >= SERVER_UPLOADS) {
        refuse_busy(r, 503, "too many files come at the moment: try again in a moment");
        return false;
    }
    if (!disk_has_room(data, announced != UINT64_MAX ? announced : 0)) {
        answer_problem(&r->answer, 507, NULL, "the server's disk has no room for this file");
        return false;
    }
    random = hash_bytes(view_of(&r->started_ms, sizeof r->started_ms), s->seed ^ (uint64_t)(uintptr_t)r);
    snprintf(r->upload_path, sizeof r->upload_path, "%s/spool/upload-%016llx", data,
             (unsigned long long)random);
    r->upload_fd = open(r->upload_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (r->upload_fd < 0) {
        log_error("console_spool", "file=%s error=\"%s\"", r->upload_path, strerror(errno));
        r->upload_path[0] = '\0';
        answer_problem(&r->answer, 507, NULL, "the server cannot keep this file; its log says why");
        return false;
    }
    s->uploads++;
    json_t *query = query_parse(r->target.query, NULL);
    const char *given = json_string_value(json_array_get(json_object_get(query, "name"), 0));
    const char *slash = given != NULL ? strrchr(given, '/') : NULL,
               *back = given != NULL ? strrchr(given, '\\') : NULL;
    if (slash != NULL && (back == NULL || slash > back))
        given = slash + 1;
    else if (back != NULL)
        given = back + 1;
    text_printable(&name, view_string(given));
    json_decref(query);
    r->in.upload_name = r->name;
    r->in.upload = r->upload_path;
    return true;
}

static void give(struct server *s, struct request *r)
{
    r->phase = REQUEST_ASKED;
    peer_waits(r->connection, PEER_ANSWER);
    MHD_suspend_connection(r->connection);
    workers_give(s->workers, r);
}

struct framing {
    unsigned lengths, codings;
    bool bad_name;
};

static enum MHD_Result count_framing(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct framing *f = context;
    const struct view other = view_string("()<>@,;\\\"/[]?={} \t"); /* no octets of a token */

    (void)kind;
    (void)value;
    const struct view length = VIEW("Content-Length"), coding = VIEW("Transfer-Encoding"),
                      n = view_string(name);
    f->lengths += view_equal_nocase(n, length);
    f->codings += view_equal_nocase(n, coding);
    /* A folded line becomes part of the name in this library: "Transfer-Encodingchunked". */
    f->bad_name |= (view_starts_nocase(n, length) && n.len != length.len) ||
                   (view_starts_nocase(n, coding) && n.len != coding.len);
    for (const char *c = name; *c != '\0'; c++)
        f->bad_name |= view_find_byte(other, (uint8_t)*c, 0) < other.len;
    return MHD_YES;
}

/* Where a request ends has one reading only: one length, or pieces, not both (RFC 9112 section 6.3), and no
 * "Content-Length :" (section 5.1). Of two the library takes one, a proxy before us perhaps the other, and
 * what lies between would be a request of the next one's. */
static bool framing_is_clear(struct MHD_Connection *c)
{
    struct framing f = { 0 };

    (void)MHD_get_connection_values(c, MHD_HEADER_KIND, count_framing, &f);
    return f.lengths + f.codings <= 1 && !f.bad_name;
}

/* Answered before its body, which ends the connection: nothing behind it is read as a request. */
static enum MHD_Result refuse_framing(struct server *s, struct request *r)
{
    answer_problem(&r->answer, 400, NULL,
                   "where the request ends is not clear: its headers have a length and pieces, two lengths, "
                   "or names that are none");
    answer_header(&r->answer, "Connection", "close");
    return send_answer(s, r);
}

/* The headers are there. */
static enum MHD_Result on_head(struct server *s, struct request *r, const char *method)
{
    note_address(s, r);
    note_headers(r);
    if (s->ending)
        return MHD_NO;
    bool good = judge_head(s, r, method);
    if (good && r->in.route->body == BODY_FILE) {
        r->head_only = true; /* first: may they? */
        give(s, r);
        return MHD_YES;
    }
    if (!good && body_announced(r) > SERVER_DRAIN)
        return send_answer(s, r);
    r->phase = REQUEST_BODY;
    peer_waits(r->connection, PEER_BODY);
    return MHD_YES;
}

static bool take_body(struct server *s, struct request *r, struct view piece)
{
    if (r->body_len + piece.len > r->body_limit) {
        answer_problem(&r->answer, 413, NULL, "a body here has at most %zu octets", r->body_limit);
        return true;
    }
    if (r->body_len + piece.len > r->body_room) {
        size_t room = r->body_room == 0 ? 4096 : r->body_room * 2;
        while (room < r->body_len + piece.len)
            room *= 2;
        if (s->bodies + room - r->body_room > SERVER_BODIES) {
            refuse_busy(r, 503, "too much comes at the moment: try again in a moment");
            return true;
        }
        char *grown = malloc(room);
        if (grown == NULL)
            return false;
        if (r->body_len > 0)
            memcpy(grown, r->body, r->body_len);
        if (r->body != NULL)
            explicit_bzero(r->body, r->body_room);
        free(r->body);
        r->body = grown;
        s->bodies += room - r->body_room;
        r->body_room = room;
    }
    memcpy(r->body + r->body_len, piece.at, piece.len);
    r->body_len += piece.len;
    return true;
}

/* What came so far is given back to the disk. */
static void drop_upload(struct request *r)
{
    if (ftruncate(r->upload_fd, 0) != 0)
        log_error("console_spool", "file=%s error=\"%s\"", r->upload_path, strerror(errno));
}

static void take_upload(struct request *r, struct view piece)
{
    if (r->upload_size + piece.len > BODY_FILE_BYTES) {
        answer_problem(&r->answer, 413, NULL, "a file may have at most 2 GiB");
        return;
    }
    /* How long it is may not have been said. */
    if (r->upload_size / SERVER_FILE_PIECE != (r->upload_size + piece.len) / SERVER_FILE_PIECE &&
        !disk_has_room(r->server->context->config->data, 0)) {
        answer_problem(&r->answer, 507, NULL, "the server's disk has no room for this file");
        drop_upload(r);
        return;
    }
    while (piece.len > 0) {
        ssize_t n = write(r->upload_fd, piece.at, piece.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            log_error("console_spool", "file=%s error=\"%s\"", r->upload_path, strerror(errno));
            answer_problem(&r->answer, 507, NULL, "the server's disk is full");
            drop_upload(r);
            return;
        }
        r->upload_size += (uint64_t)n;
        piece = view_from(piece, (size_t)n);
    }
}

/* A piece of the body. False: the connection is to end. */
static bool on_piece(struct server *s, struct request *r, struct view piece)
{
    struct peer *p = peer_of(r->connection);

    if (p != NULL)
        p->bytes += piece.len;
    if (r->answer.status != 0) { /* refused already */
        r->drained += piece.len;
        return r->drained <= SERVER_DRAIN;
    }
    if (r->in.route->body != BODY_FILE)
        return take_body(s, r, piece);
    take_upload(r, piece);
    return true;
}

/* A file's sender was looked at. False: the connection is to end. */
static bool on_judged(struct server *s, struct request *r)
{
    r->head_only = false;
    if (r->authorised && begin_upload(s, r)) {
        r->phase = REQUEST_BODY;
        peer_waits(r->connection, PEER_FILE);
        return true;
    }
    r->phase = REQUEST_BODY; /* the body, if short, is dropped, and then the answer sent */
    return body_announced(r) <= SERVER_DRAIN;
}

/* A file of the front end. An answer before the request's end would close the connection: so at its end. */
static enum MHD_Result on_file(struct server *s, struct request *r, const char *url, const char *method,
                               size_t *upload_size)
{
    struct MHD_Connection *c = r->connection;
    unsigned status;

    if (r->phase == REQUEST_HEAD) {
        r->phase = REQUEST_BODY;
        peer_waits(c, PEER_BODY);
        return body_announced(r) <= SERVER_DRAIN ? MHD_YES : MHD_NO;
    }
    *upload_size = 0;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        answer_problem(&r->answer, 405, NULL, "files are read only");
        answer_header(&r->answer, "Allow", "GET, HEAD");
        return send_answer(s, r);
    }
    struct MHD_Response *file = files_find(s->files, view_string(url), header(c, "Accept-Encoding"),
                                           header(c, "If-None-Match"), &status);
    r->phase = REQUEST_ANSWERED;
    peer_waits(c, PEER_ANSWER);
    return MHD_queue_response(c, status, file);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct server *s = context;
    struct request *r = *state;

    (void)c;
    (void)version;
    if (r == NULL)
        return MHD_NO;
    if (r->phase == REQUEST_HEAD && !framing_is_clear(c))
        return refuse_framing(s, r);
    if (strncmp(r->raw, "/api/", 5) != 0 && strncmp(r->raw, "/api?", 5) != 0)
        return on_file(s, r, url, method, upload_size);
    if (r->phase == REQUEST_HEAD)
        return on_head(s, r, method);
    if (r->phase == REQUEST_ASKED && r->head_only) {
        /* The library may say once more that the headers are there: the moment for an answer before the body.
         */
        bool again = *upload_size == 0 && body_announced(r) != 0, wanted = on_judged(s, r);
        if (again)
            return r->answer.status != 0 ? send_answer(s, r) : MHD_YES;
        if (!wanted)
            return MHD_NO;
    }
    if (*upload_size > 0) {
        bool ok = on_piece(s, r, view_of(upload, *upload_size));
        *upload_size = 0;
        return ok ? MHD_YES : MHD_NO;
    }
    if (r->answer.status != 0 || r->phase == REQUEST_ASKED)
        return send_answer(s, r);
    if (r->upload_fd >= 0) {
        bool kept = close(r->upload_fd) == 0;
        r->upload_fd = -1;
        if (!kept) {
            answer_problem(&r->answer, 507, NULL, "the server's disk is full");
            return send_answer(s, r);
        }
        r->in.upload_size = r->upload_size;
    }
    r->in.body = view_of(r->body, r->body_len);
    give(s, r);
    return MHD_YES;
}

/* ---- connections ---- */

static void on_connection(void *context, struct MHD_Connection *c, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct server *s = context;
    struct peer *p = *socket_context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        p = calloc(1, sizeof *p);
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (p == NULL || info == NULL) {
            free(p);
            return;
        }
        *p = (struct peer){ .fd = info->connect_fd, .since_ms = clock_ms(), .next = s->peers };
        if (s->peers != NULL)
            s->peers->before = p;
        s->peers = p;
        s->peer_count++;
        *socket_context = p;
        return;
    }
    if (p == NULL)
        return;
    if (p->next != NULL)
        p->next->before = p->before;
    if (p->before != NULL)
        p->before->next = p->next;
    else
        s->peers = p->next;
    s->peer_count--;
    free(p);
    *socket_context = NULL;
}

static bool is_late(const struct peer *p, uint64_t now_ms)
{
    /* Since the round's time was taken a request may have come. */
    uint64_t age_ms = now_ms > p->since_ms ? now_ms - p->since_ms : 0;

    switch (p->waits_for) {
    case PEER_HEAD: return age_ms > SERVER_HEAD_MS;
    case PEER_BODY: return age_ms > SERVER_BODY_MS;
    case PEER_FILE: return age_ms > SERVER_BODY_MS * (1 + p->bytes / SERVER_FILE_PIECE);
    case PEER_ANSWER: break;
    }
    return false;
}

/* Clients that take too long to say what they want. */
static void end_late(struct server *s, uint64_t now_ms)
{
    unsigned ended = 0;

    if (now_ms - s->looked_ms < LATE_MS)
        return;
    s->looked_ms = now_ms;
    for (struct peer *p = s->peers; p != NULL; p = p->next)
        if (!p->ended && is_late(p, now_ms)) {
            (void)shutdown(p->fd, SHUT_RDWR); /* now the library notices */
            p->ended = true;
            ended += p->waits_for != PEER_HEAD;
        }
    if (ended > 0)
        log_notice("slow_clients", "%u connections ended: their requests took too long to come", ended);
}

static void take_connections(struct server *s, int edge)
{
    for (unsigned i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage from;
        socklen_t size;
        int fd;
        enum handover_answer answer = handover_receive(edge, &fd, &from, &size);
        if (answer == HANDOVER_NOTHING)
            return;
        if (answer == HANDOVER_BAD) {
            log_error("role_channel", "other=front: what came is no connection; both begin anew");
            (void)shutdown(edge, SHUT_RDWR);
            _exit(ROLE_CHANNEL_GONE);
        }
        if (answer == HANDOVER_CLOSED)
            _exit(ROLE_CHANNEL_GONE);
        (void)MHD_add_connection(s->daemon, fd, (struct sockaddr *)&from,
                                 size); /* closes it, where it says no */
    }
}

static void on_log(void *context, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void on_log(void *context, const char *format, va_list args)
{
    char text[256];

    (void)context;
    vsnprintf(text, sizeof text, format, args);
    log_info("console_http", "%s", text);
}

/* ---- the role ---- */

static bool server_begin(struct server *s, struct imw_error_info *err)
{
    const struct role_context *context = s->context;

    s->api = (struct api){ .config = context->config, .changes = context->changes, .limits = limits_new() };
    if (s->api.limits == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the limits");
    if (!files_new(context->config->web, &s->files, err))
        return false;
    s->seed = hash_bytes(view_of(&s->api.limits, sizeof s->api.limits), clock_ms());
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
        NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, s, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)SERVER_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVER_SILENT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_MEMORY, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_URI_LOG_CALLBACK,
        on_target, s, MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, s, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    if (s->daemon == NULL)
        return error_set(err, IMW_ERROR_SYSTEM, "the HTTP library does not start");
    pthread_mutex_init(&s->parking, NULL);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->wake < 0)
        return error_errno(err, "eventfd");
    return role_confine(context, NULL, 0, err) &&
           link_new(context->edges[EDGE_API_KEEPER], "keeper", &s->api.keeper, err) &&
           link_new(context->edges[EDGE_API_CLERK], "clerk", &s->api.clerk, err) &&
           workers_new(s, context->config->workers, &s->workers, err) &&
           ((s->streams = streams_new(context->changes, s->workers)) != NULL ||
            error_set(err, IMW_ERROR_MEMORY, "no memory for the streams"));
}

/* What the library has read but not worked off shows on no descriptor: then we do not wait. */
static int wait_ms(struct server *s)
{
    MHD_UNSIGNED_LONG_LONG ms;

    return MHD_get_timeout(s->daemon, &ms) == MHD_YES && ms < ROUND_MS ? (int)ms : ROUND_MS;
}

/* New files; those that are being sent stay until they are. */
static void reload(struct server *s)
{
    struct imw_error_info err = { 0 };
    struct files *fresh;
    char line[768];

    if (!files_new(s->context->config->web, &fresh, &err)) {
        log_error("console_files", "%s; the old ones stay", error_format(&err, line, sizeof line));
        return;
    }
    files_free(s->files);
    s->files = fresh;
    log_notice("console_files", "read anew");
}

int api_main(const struct role_context *context)
{
    struct server *s = calloc(1, sizeof *s);
    struct imw_error_info err = { 0 };
    char line[768];
    int signals = role_signals(&err), came = 0;

    if (s == NULL || signals < 0)
        return ROLE_FAILED;
    s->context = context;
    if (!server_begin(s, &err)) {
        log_error("role_start", "role=api: %s", error_format(&err, line, sizeof line));
        return ROLE_FAILED;
    }
    struct pollfd fds[] = { { .fd = signals, .events = POLLIN },
                            { .fd = context->edges[EDGE_CONNECTIONS], .events = POLLIN },
                            { .fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
                              .events = POLLIN },
                            { .fd = s->wake, .events = POLLIN } };
    while (came != SIGTERM) {
        uint64_t woken;
        (void)poll(fds, 4, wait_ms(s));
        (void)!read(s->wake, &woken, sizeof woken);
        uint64_t now_ms = clock_ms();
        changes_alive(context->changes, CONSOLE_API, now_ms);
        if (fds[1].revents != 0)
            take_connections(s, context->edges[EDGE_CONNECTIONS]);
        streams_look(s->streams, now_ms);
        look_at_parked(s, now_ms);
        MHD_run(s->daemon);
        end_late(s, clock_ms()); /* not before a connection that has just begun */
        came = role_signal(signals);
        if (came == SIGHUP)
            reload(s);
    }
    s->ending = true;
    if (!workers_stop(s->workers, STOP_MS))
        log_warning("console_stop", "a question took longer than %d ms: ended without its answer", STOP_MS);
    for (unsigned i = 0; i < 20; i++) { /* what is answered is sent */
        MHD_run(s->daemon);
        (void)poll(&fds[2], 1, 10);
    }
    return ROLE_DONE;
}
