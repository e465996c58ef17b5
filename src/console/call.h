/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to the API, as its handler sees it. The dispatcher (dispatch.c) has read it whole, found the
 * route, proved who acts, checked permission, CSRF and rate, and begun a transaction: for GET one to read,
 * else one to write, which it commits when the handler answered below 400 and rolls back otherwise. So a
 * handler is a plain function of its input and the database, and what it does and its audit record stand or
 * fall together.
 *
 * A handler answers by call_json(), call_problem() …, once. Errors are RFC 9457 problems:
 * {"type":"about:blank","title", "status","detail","field"?}; `detail` is for people and says what to do.
 */
#pragma once
#include "base/json_value.h"
#include "console/role.h"
#include "program/audit.h"

enum { CALL_WAKES = 4 };

struct call {
    const struct route *route;
    struct actor actor;
    const char *address;  /* of the client, as text */
    const char *parts[4]; /* what stood for {…} in the route's path, in order; never empty */
    json_t *query;        /* object: name to list of texts (of the query string, decoded, valid UTF-8) */
    json_t *body;         /* of a JSON request, else NULL; an object or array */
    const char *upload;   /* path of the file that a request with another body was saved to, else NULL */
    uint64_t upload_size;
    const char *upload_name; /* as the client calls it: printable, without folders */
    struct view session;     /* hash of the session; empty: a token, or nobody */
    const struct session
        *signed_in;      /* the session with its csrf word and its end (program/session.h), or NULL */
    const char *agent;   /* User-Agent, printable; never NULL */
    const char *cookies; /* the header Cookie as it came; never NULL */
    const char *range;   /* the header Range as it came, or NULL */
    uint64_t now_us;
    struct db *db;
    unsigned changed; /* a bit for each enum change, told once the transaction is committed */
    struct api *api;  /* what the role has: channels to the others, settings (console/api.h) */
    struct call_answer *answer;
    const char *wake[CALL_WAKES]; /* jobs of the clerk that have something to do then; NULL ends them */
    bool waited;                  /* it has waited as long as it may */
};

/* id of a route's {id}: a positive number. False: answered 404. */
bool call_id(struct call *c, unsigned part, int64_t *out);
/* The first value of a query name; NULL: not there. */
const char *call_query(const struct call *c, const char *name);
/* A number of the query; `usual` where the name is not there, or empty. False: it is none, or not in min …
 * max; answered 422 with "field". */
bool call_query_number(struct call *c, const char *name, int64_t min, int64_t max, int64_t usual,
                       int64_t *out);
/* A member of the body. False: it is missing, of another type, or longer than `most` bytes; answered 422 with
 * "field". */
bool call_text(struct call *c, const char *name, size_t most, const char **out);
bool call_text_optional(struct call *c, const char *name, size_t most,
                        const char **out); /* NULL: not there, or null */
bool call_number(struct call *c, const char *name, int64_t min, int64_t max, int64_t *out);

/* ---- answers; `body` and `text` are taken over where not const ---- */
void call_json(struct call *c, unsigned status, json_t *body); /* body NULL: out of memory, answered 500 */
void call_nothing(struct call *c);                             /* 204 */
void call_problem(struct call *c, unsigned status, const char *field, const char *format, ...)
    IMW_PRINTF(4, 5);
/* 500, logged as `console_failed`: the client learns nothing of `err`. */
void call_failed(struct call *c, const struct imw_error_info *err);
void call_bytes(struct call *c, const char *type, struct view bytes);
/* A file to save, `write` is called with where to write it; text/csv, application/json, application/x-ndjson
 * … */
typedef bool call_writer(void *context, FILE *to, struct imw_error_info *err);
void call_file(struct call *c, const char *type, const char *name, call_writer *write, void *context);
/* What call_file() made is octets [from, from + count) of `whole`: 206. After a problem: nothing. */
void call_part(struct call *c, uint64_t from, uint64_t count, uint64_t whole);
void call_header(struct call *c, const char *name, const char *value);
/* No answer yet: the handler is called once more, in another transaction, when `what` was told again (`seen`:
 * what changes_seen() said before it looked), or after 25 s. False: it has waited for that long; it is to
 * answer. */
bool call_wait(struct call *c, enum change what, uint64_t seen);
/* A stream of server-sent events instead of an answer (stream.c): only its own route does that. */
void call_stream(struct call *c);
/* A session's cookie: set, or (NULL) removed. __Host-imward, Secure, HttpOnly, SameSite=Strict. */
void call_cookie(struct call *c, const char *value);
/* Who it is was proved in the last 15 minutes. False: answered 401 with "field":"reauthenticate"; the console
 * asks for the password and tries again. */
bool call_strong(struct call *c);
/* An audit record of this call's actor. False: answered 500. */
bool call_audit(struct call *c, const char *act, const json_t *detail, const char *object, ...)
    IMW_PRINTF(4, 5);

/* ---- afterwards: others look at once, so they hear of it when it is committed ---- */
void call_changed(struct call *c, enum change what);
/* It is due by itself within seconds: a clerk who does not hear does no harm. */
void call_wake(struct call *c, const char *job);

/* ---- routes ---- */
enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_DELETE };
/* What the body may be, and its limit. */
enum body { BODY_NONE, BODY_JSON /* 256 KiB */, BODY_FILE /* 2 GiB, to the spool */ };
struct route {
    enum method method;
    const char *path; /* "/api/v1/incidents/{id}/notes" */
    enum permission permission;
    enum body body;
    void (*handle)(struct call *c);
    const char *name; /* of the handler, operationId in docs/openapi.yaml: "incident_note_add" */
};
