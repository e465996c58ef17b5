/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for the inspection driver in tests of one parser: every session_ call becomes one line of text,
 * in order, such as
 *
 *     name sni example.org                      activity chat account=bob peer=alice out text=hi
 *     evidence payload oscar FLAP sign-on       expect tcp 10.0.0.2:5190 file oft oscar
 *     delivery server-proxy                     version MSNP18
 *     client ICQ 6.5                            upgrade tls        settle
 *     inner client GET /                        learn example.org 192.0.2.1 60
 *     call fragment:fragment                    host 10.0.0.7 lap for 3600
 *     user 10.0.0.7 alice                       mac 10.0.0.7 020000000001
 *     forget 10.0.0.7
 *
 * (`inner` bytes of one direction that follow each other are joined, so that segmentation does not show.)
 */
#pragma once
#include "identify/parser.h"

enum { RECORD_BYTES = 1 << 16 };

struct recorder {
    char text[RECORD_BYTES]; /* the lines */
    struct text out;
    bool known_names; /* what session_name and session_http answer */
    bool settled, upgraded;
    struct ip_addr address[2];
    uint16_t port[2];
    bool udp;
    int inner_open; /* direction of an unfinished inner line, or -1 */
};

/* A recorder whose ends are 10.0.0.1:40000 (client) and 192.0.2.1:5000 (server). */
void recorder_init(struct recorder *r);
struct session *recorder_session(struct recorder *r);

/* Is this line there, whole? */
bool recorder_has(const struct recorder *r, const char *line);
/* How many lines begin so? */
unsigned recorder_count(const struct recorder *r, const char *beginning);
