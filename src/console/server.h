/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP: what the api role's parts know of each other. server.c speaks it (libmicrohttpd, one thread), hands
 * whole requests to the workers (workers.c), each with a connection to the database of its own, and sends
 * what they answered; stream.c keeps the streams of changes; files.c has the front end in memory.
 *
 * A connection comes from the front as one end of a socket pair with the plain bytes of a browser. While a
 * worker has its request it is suspended: the thread does not wait for anything but input and output.
 */
#pragma once
#include "console/dispatch.h"
#include <microhttpd.h>
#include <stdatomic.h>

enum {
    SERVER_CONNECTIONS = 2048,
    SERVER_MEMORY = 32 * 1024,        /* of a connection: request line and headers must fit */
    SERVER_BODIES = 64 * 1024 * 1024, /* of all bodies in memory */
    SERVER_UPLOADS = 8,               /* files that come at a time */
    SERVER_HEAD_MS = 30000, /* from the connection's or last answer's end until the next headers are there */
    SERVER_BODY_MS = 30000, /* until a body is there; a file has as long again for each FILE_PIECE */
    SERVER_FILE_PIECE = 512 * 1024,
    SERVER_SILENT_S = 60,       /* a client that takes nothing of its answer */
    SERVER_DRAIN = 1024 * 1024, /* of a body that is refused: read and dropped, so that the answer is seen */
    SERVER_PARKED = 256,        /* requests that wait for a change */
    SERVER_PARKED_MS = 25000,   /* at most */
    STREAMS = 1000,
    STREAMS_OF_ONE = 6, /* session */
    STREAM_LOOK_MS = 250,
    STREAM_PING_MS = 15000,
    STREAM_GONE_MS = 1000,   /* before we look whether the browser is still there */
    STREAM_CHECK_MS = 10000, /* of its session: one that was ended hears no more */
};

struct server;
struct workers;
struct streams;
struct files;

enum request_phase { REQUEST_HEAD, REQUEST_BODY, REQUEST_ASKED, REQUEST_ANSWERED };

/* One request, from its first line until its answer is sent. */
struct request {
    struct server *server;
    struct MHD_Connection *connection;
    enum request_phase phase;
    bool head_only;    /* asked for: may this body come? */
    bool authorised;   /* and it may */
    bool write_failed; /* of the upload */
    char *raw;         /* the target as it came; MHD's answer to a request without one is its own */
    struct target target;
    struct request_in in;
    char address[64], agent[200], name[200];
    char *body;
    size_t body_len, body_room, body_limit;
    size_t drained;
    int upload_fd;
    char upload_path[512];
    uint64_t upload_size;
    struct call_answer answer;
    uint64_t who; /* hash of who asks: session, token or address */
    struct request *next;
    uint64_t started_ms, parked_ms;
};

/* ---- workers.c ---- */
bool workers_new(struct server *s, unsigned count, struct workers **out,
                 struct imw_error_info *err) IMW_MUST_USE;
/* The request is the workers' until they resume its connection. */
void workers_give(struct workers *w, struct request *r);
/* None is at work and none waits; what comes is not begun any more. */
bool workers_stop(struct workers *w, unsigned wait_ms);
/* Have the session of a stream looked at; *flag becomes 1 when it is over. `cookie` is copied. */
void workers_check(struct workers *w, struct view cookie, _Atomic int *flag);

/* ---- stream.c ---- */
struct streams *streams_new(struct changes *changes, struct workers *workers); /* NULL without memory */
/* Begin one for this request; its response, or NULL: too many. */
struct MHD_Response *stream_new(struct streams *s, struct MHD_Connection *c, struct view cookie);
/* Several times a second: wakes those with something to say. */
void streams_look(struct streams *s, uint64_t now_ms);

/* ---- files.c ---- */
/* Read the front end into memory. A folder without an index.html, or NULL where none was found: one page that
 * says how it is built. */
bool files_new(const char *folder, struct files **out, struct imw_error_info *err) IMW_MUST_USE;
void files_free(struct files *f);
/* The response to a path (never NULL), its status. `accept`: Accept-Encoding; `tags`: If-None-Match. */
struct MHD_Response *files_find(const struct files *f, struct view path, const char *accept, const char *tags,
                                unsigned *out_status);

/* Headers that every answer has. */
void response_secure(struct MHD_Response *r, bool api);
