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
 *     file 1 name=a.txt size=10 out             bytes 1 at 0 text of it    file 1 whole (or cut)
 *     announce TOKEN name=a.txt size=10 in      contact account=bob peer=al display=Al group=Desk online
 *     anomaly malformed what was seen                                 ticket what the client showed
 *     forbidden file "SEND" with X                    (only what recorder.forbid forbids)
 *
 * (`inner` bytes and those of a file of one direction that follow each other are joined, so that segmentation
 * does not show.)
 */
#pragma once
#include "identify/parser.h"

enum { RECORD_BYTES = 1 << 16, RECORDER_NONE = -1, RECORDER_FILE = 2 };

struct recorder {
    char text[RECORD_BYTES]; /* the lines */
    struct text out;
    bool known_names; /* what session_name and session_http answer */
    bool settled, upgraded;
    struct ip_addr address[2];
    uint16_t port[2];
    bool udp;
    int inner_open; /* direction of an unfinished inner line, RECORDER_FILE: of a file's bytes */
    uint32_t files, file_open;
    uint64_t file_at;
    /* What session_announced() finds: the last that was announced, or what the test puts here. */
    uint64_t announced_token; /* hash_bytes(token, 0) */
    struct announced_file announced;
    unsigned announced_at; /* whatever the token, the question of this number finds it; 0: by the token */
    bool no_files;         /* session_wants_files() says no */
    bool media;            /* what session_is_media() gives */
    char server_name[64];  /* what session_server_name() gives */
    uint8_t forbid;        /* ACTIVITY_ bits that session_forbidden() forbids */
    bool midway[2];        /* as session_midway() told, by enum flow_dir */
};

/* A recorder whose ends are 10.0.0.1:40000 (client) and 192.0.2.1:5000 (server). */
void recorder_init(struct recorder *r);
struct session *recorder_session(struct recorder *r);

/* Is this line there, whole? */
bool recorder_has(const struct recorder *r, const char *line);
/* How many lines begin so? */
unsigned recorder_count(const struct recorder *r, const char *beginning);
