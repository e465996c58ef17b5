/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripted conversations for tests of one parser, and the laws that every parser keeps: the same lines come
 * out however the bytes were cut into segments, and no prefix crashes or says yes and then something else.
 */
#pragma once
#include "recorder.h"

struct step {
    enum flow_dir from;
    struct view bytes;
};

/* Steps from literals, which may hold NULs. */
#define CLIENT(literal)                                                                                      \
    {                                                                                                        \
        FROM_CLIENT,                                                                                         \
        {                                                                                                    \
            (const uint8_t *)(literal), sizeof(literal) - 1                                                  \
        }                                                                                                    \
    }
#define SERVER(literal)                                                                                      \
    {                                                                                                        \
        FROM_SERVER,                                                                                         \
        {                                                                                                    \
            (const uint8_t *)(literal), sizeof(literal) - 1                                                  \
        }                                                                                                    \
    }

struct outcome {
    enum im_answer answer;
    struct finding finding;
    size_t asked_bytes;     /* bytes of the stream given when the answer came */
    struct recorder record; /* begins with the yes; what feed told follows */
};

/* A TCP conversation, each step one segment: probe until an answer, then feed. */
void converse(const struct parser *p, const struct step *steps, size_t count, struct outcome *out);

/* A UDP conversation, each step one datagram. */
void converse_udp(const struct parser *p, const struct step *steps, size_t count, struct outcome *out);

/*
 * Run a TCP conversation as it is; in segments of one byte; cut in two at every byte; and every prefix of it.
 * Fails the test unless all whole runs give the same lines and no prefix contradicts them. *out gets the
 * plain run.
 */
void check_laws(const struct parser *p, const struct step *steps, size_t count, struct outcome *out);

/* The probe's answer to these bytes from the client, as one segment, with nothing from the server. */
enum im_answer probe_bytes(const struct parser *p, struct view bytes);
