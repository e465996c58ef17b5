/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to its handler: the route of a target, who acts, whether they may, the handler within its
 * transaction. Knows no HTTP library: server.c gives it what came and sends what it answers; a test does the
 * same without a socket.
 */
#pragma once
#include "console/api.h"
#include "console/call.h"

enum {
    TARGET_BYTES = 8192,  /* path and query as they came */
    TARGET_SEGMENTS = 16, /* of a path */
    QUERY_PAIRS = 64,
    QUERY_NAME_BYTES = 64,
    QUERY_VALUE_BYTES = 2048,
    BODY_JSON_BYTES = 256 * 1024,
    BODY_PUBLIC_BYTES = 16 * 1024, /* of routes that need no session */
    BODY_DEPTH = 32,               /* of JSON */
    ANSWER_HEADERS = 12,
    CALL_PARTS = 4,
};
#define BODY_FILE_BYTES (2ull << 30)

/* ---- targets ---- */
/* The path in segments, percent-decoded once: valid UTF-8 without control characters, `/` and `\`, none is
 * empty, "." or "..". "/" has none. */
struct target {
    const char *segments[TARGET_SEGMENTS];
    unsigned count;
    struct view query; /* as it came, behind `?` */
    char text[TARGET_BYTES];
};
/* False: it is no path that anything could have here. */
bool target_parse(struct view raw, struct target *out) IMW_MUST_USE;
/* {name: [values]}, decoded. NULL: malformed, or over a limit; err (may be NULL) says what. The caller's. */
json_t *query_parse(struct view query, struct imw_error_info *err);
/* A JSON body: an object or array, each name once, not too deep. NULL: err says where it is wrong. */
json_t *body_parse(struct view bytes, struct imw_error_info *err);

/* ---- routes ---- */
const struct route *routes(unsigned *out_count);
/* False: no method of ours. HEAD is GET. */
bool method_parse(const char *name, enum method *out);
/* The route, with `parts` filled (they live as long as the target). NULL: *out_allowed has a bit for each
 * method that the path has; none: there is no such path. */
const struct route *route_find(enum method method, const struct target *t, const char *parts[CALL_PARTS],
                               unsigned *out_allowed);
/* "GET, HEAD, POST" of such bits. */
void allow_format(unsigned methods, char *out, size_t size);

/* ---- answers ---- */
struct call_answer {
    unsigned status; /* 0: none yet */
    const char *type;
    char *bytes; /* of the heap; NULL: none, or the file */
    size_t len;
    int fd; /* of a file that is sent; -1: none */
    uint64_t fd_size;
    bool stream;
    bool waits; /* for a change; then there is no status yet */
    enum change wait_for;
    uint64_t wait_seen;
    unsigned header_count;
    char *headers[ANSWER_HEADERS][2];
};
void answer_init(struct call_answer *a);
void answer_fini(struct call_answer *a);
void answer_problem(struct call_answer *a, unsigned status, const char *field, const char *format, ...)
    IMW_PRINTF(4, 5);
void answer_header(struct call_answer *a, const char *name, const char *value);
const char *status_title(unsigned status);

/* ---- requests ---- */
/* What came; texts are NULL where there was no such header. */
struct request_in {
    const struct route *route;
    const char *parts[CALL_PARTS];
    struct view query, body;
    const char *upload, *upload_name;
    uint64_t upload_size;
    bool waited;                                    /* for as long as it may: call_wait() */
    const char *address;                            /* of the client */
    const char *cookie, *authorization, *csrf;      /* the headers Cookie, Authorization, X-CSRF-Token */
    const char *origin, *host, *fetch_site, *agent; /* Origin, Host, Sec-Fetch-Site, User-Agent */
    const char *range;                              /* Range, or NULL */
};
/* The value of our cookie in a Cookie header, or an empty view. */
struct view cookie_find(const char *header);
/* The token of "Bearer …", or an empty view. */
struct view bearer_find(const char *header);
/* Does it name somebody, true or not? Without that only public routes are worth reading a body for. */
bool request_is_named(const struct request_in *in);

/* Who acts and whether they may, no more: before the body is read. False: *out has the answer. */
bool dispatch_authorise(struct api *api, struct db *db, const struct request_in *in, uint64_t now_us,
                        struct call_answer *out) IMW_MUST_USE;
/* All of it. */
void dispatch(struct api *api, struct db *db, const struct request_in *in, uint64_t now_us,
              struct call_answer *out);
/* Is the session of this cookie still one that may listen? (stream.c) */
bool dispatch_still(struct db *db, struct view cookie, uint64_t now_us);
