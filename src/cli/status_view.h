/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `imward status` shows: from statuses to lines of text. No terminal and no socket is touched here, so
 * that a test can look at what is shown.
 */
#pragma once
#include "sensor/control.h"

enum { VIEW_HISTORY = 240, VIEW_BYTES = 1 << 18 };

enum view_sort { SORT_FLOWS, SORT_BYTES, SORT_NEW, SORT_BLOCKED, SORT_NAME, SORT_COUNT };

/* Zero it, then fill what the caller sets. */
struct status_view {
    /* set by the caller */
    unsigned width, height; /* columns and rows; height 0: as many as there are, once, with means since the
                               start in place of the last second */
    bool colour, utf8;
    bool paused, help;
    enum view_sort sort;
    char trouble[256]; /* why no newer status is shown; empty: it is new */

    /* kept by status_view_take() */
    struct sensor_status now, before;
    double seconds; /* between them */
    unsigned history_count;
    struct view_rates {
        double packets, bits, events; /* a second */
    } history[VIEW_HISTORY];          /* the newest last */
};

/* The next status. One of another process, or the first, begins a new history. */
void status_view_take(struct status_view *v, const struct sensor_status *s);

/* The page, into `out`: with a height as what a terminal is to be told, else as plain lines. */
void status_view_draw(const struct status_view *v, struct text *out);
