/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of EVE for the tests of the event store: like those of event/eve.c, from a small random world. */
#pragma once
#include "store/event_store.h"

/* 2026-11-20T00:00:00Z */
#define LINES_START_US 1795132800000000ull

struct lines_world {
    uint64_t state; /* of the random numbers */
    unsigned clients, days;
    uint64_t from_us; /* 0: times are anywhere in `days` from LINES_START_US; else within `seconds` from here */
    unsigned seconds;
    bool lifelike; /* 25 services, some people and services far more than others */
};
/* The next number below `below`. */
unsigned lines_random(struct lines_world *w, unsigned below);
/* One line with its newline, at most 1500 bytes, of any kind that is stored. Returns its length. */
size_t lines_make(struct lines_world *w, char *out, size_t size);
