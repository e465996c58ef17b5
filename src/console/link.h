/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions and answers between two roles: the two ends of an edge.
 *
 * A message is one datagram of a socket pair that keeps their bounds, a JSON object of at most LINK_BYTES:
 *     question {"id":N,"ask":NAME,…}     answer {"id":N,"ok":true,…} or
 * {"id":N,"ok":false,"error":TEXT,"value":BOOL} The watchman keeps both ends open, so that a role that is
 * started again goes on with the same edge: answers to questions that its forerunner asked have numbers that
 * nobody waits for, and are dropped.
 *
 * What is no such message closes the edge: role_link ends the process with ROLE_CHANNEL_GONE, and so does the
 * other end; the watchman makes a new edge and starts both again.
 */
#pragma once
#include "console/role.h"

enum {
    LINK_BYTES = 160 * 1024, /* of a message */
    LINK_DEPTH = 8,          /* of JSON in it */
    LINK_WAITING = 256,      /* questions of one end that wait for their answers */
};

/* ---- asking ---- */
/* `fd` is the link's from now on; one thread reads it. */
bool link_new(int fd, const char *name, struct role_link **out, struct imw_error_info *err) IMW_MUST_USE;

/* ---- answering ---- */
/* *out: the answer's object, or NULL for one without members. False: err says why not. Any thread. */
typedef bool link_answer(void *context, const json_t *question, json_t **out, struct imw_error_info *err);
struct link_ask {
    const char *name;
    link_answer *answer;
};
struct link_service {
    int fd;
    const char *name; /* of who asks, for the log */
    const struct link_ask *asks;
    unsigned count;
    void *context;
};
/* Begin `threads` threads that answer until the process ends. `s` stays the caller's, and must stay. */
bool link_serve(const struct link_service *s, unsigned threads, struct imw_error_info *err) IMW_MUST_USE;

/* ---- messages ---- */
/* A message of its bytes: an object with a number `id` that is not nested deeper than LINK_DEPTH. NULL: it is
 * none. The caller's. */
json_t *link_parse(struct view bytes, uint64_t *out_id);
/* The answer to a question, as one thread of link_serve() gives it; for tests. NULL without memory. */
json_t *link_reply(const struct link_service *s, const json_t *question, uint64_t id);

/* Members of a question. False: err says which is missing or wrong (IMW_ERROR_VALUE). */
bool ask_text(const json_t *question, const char *name, size_t most, const char **out,
              struct imw_error_info *err) IMW_MUST_USE;
bool ask_number(const json_t *question, const char *name, int64_t min, int64_t max, int64_t *out,
                struct imw_error_info *err) IMW_MUST_USE;
