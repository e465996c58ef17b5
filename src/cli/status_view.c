/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of `imward status`, top to bottom: who and what is watched; rates with their history; flows and
 * bypass; drops beside workers (below each other where it is narrow); services; outputs; keys.
 *
 * Every line is cut at the page's width, counted in characters, and lines beyond its height are left out; how
 * many rows each table gets is decided before (page_plan). Words from the sensor are printable already:
 * status_read() saw to it.
 */
#include "cli/status_view.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WIDE = 78,       /* columns from which drops and workers stand side by side */
    WORKERS_AT = 49, /* the column of workers then */
    FIXED_ROWS = 14, /* all but the tables' rows */
    HISTORY_COLUMNS = 60,
};

enum style { PLAIN, DIM, BOLD, RED, GREEN, YELLOW, BAR };
static const char *const style_codes[] = { "0", "2", "1", "1;31", "32", "33", "7" };

struct page {
    struct text *out;
    const struct status_view *view;
    unsigned row, column;
};

/* ---- lines ---- */

static bool page_is_full(const struct page *p)
{
    return p->view->height > 0 && p->row >= p->view->height;
}

/* As much of `v` as fits into the line. */
static void page_add(struct page *p, struct view v)
{
    while (v.len > 0 && p->column < p->view->width) {
        size_t n = utf8_length(v);
        n = n > 0 ? n : 1;
        text_add(p->out, view_slice(v, 0, n));
        v = view_from(v, n);
        p->column++;
    }
}

static void put(struct page *p, enum style style, const char *format, ...) IMW_PRINTF(3, 4);

static void put(struct page *p, enum style style, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (page_is_full(p))
        return;
    bool coloured = p->view->colour && style != PLAIN;
    if (coloured)
        text_format(p->out, "\033[%sm", style_codes[style]);
    page_add(p, view_string(text));
    if (coloured)
        text_string(p->out, "\033[0m");
}

static void go_to(struct page *p, unsigned column)
{
    while (p->column < column && p->column < p->view->width && !page_is_full(p)) {
        text_char(p->out, ' ');
        p->column++;
    }
}

static void line_end(struct page *p)
{
    if (page_is_full(p))
        return;
    if (p->view->height > 0)
        text_string(p->out, "\033[K"); /* what was there before */
    p->row++;
    p->column = 0;
    if (!page_is_full(p))
        text_string(p->out, p->view->height > 0 ? "\r\n" : "\n");
}

/* ---- numbers for people ---- */

struct number {
    char text[24];
};

static struct number scaled(double n, double step, const char *const units[], unsigned count)
{
    struct number out;
    unsigned unit = 0;

    while (unit + 1 < count && n >= step * 0.9995) {
        n /= step;
        unit++;
    }
    int decimals = unit == 0 || n >= 99.95 ? 0 : n >= 9.995 ? 1 : 2;
    snprintf(out.text, sizeof out.text, "%.*f%s%s", decimals, n, units[unit][0] != '\0' ? " " : "",
             units[unit]);
    return out;
}

static struct number si(double n)
{
    static const char *const units[] = { "", "k", "M", "G", "T", "P" };
    return scaled(n, 1000, units, 6);
}

static struct number bytes(double n)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
    return scaled(n, 1024, units, 6);
}

static struct number duration(uint64_t s)
{
    struct number out;

    if (s >= 86400)
        snprintf(out.text, sizeof out.text, "%ud %uh", (unsigned)(s / 86400), (unsigned)(s / 3600 % 24));
    else if (s >= 3600)
        snprintf(out.text, sizeof out.text, "%uh %um", (unsigned)(s / 3600), (unsigned)(s / 60 % 60));
    else if (s >= 60)
        snprintf(out.text, sizeof out.text, "%um %us", (unsigned)(s / 60), (unsigned)(s % 60));
    else
        snprintf(out.text, sizeof out.text, "%us", (unsigned)s);
    return out;
}

static uint64_t grown(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static double per_second(const struct status_view *v, uint64_t now, uint64_t before)
{
    return v->seconds > 0 ? (double)grown(now, before) / v->seconds : 0;
}

/* ---- statuses ---- */

static uint64_t all_packets(const struct sensor_status *s)
{
    return s->counters.n[COUNT_FRAMES] + s->live.bypassed_packets;
}

static uint64_t all_bytes(const struct sensor_status *s)
{
    return s->counters.n[COUNT_FRAME_BYTES] + s->live.bypassed_bytes;
}

void status_view_take(struct status_view *v, const struct sensor_status *s)
{
    bool same = v->now.started_us == s->started_us && v->now.pid == s->pid && v->now.now_us <= s->now_us;

    if (same && v->now.now_us == s->now_us)
        return;
    v->before = same ? v->now : (struct sensor_status){ .now_us = s->started_us };
    v->now = *s;
    v->seconds = (double)grown(s->now_us, v->before.now_us) / 1e6;
    if (!same) { /* its means since the start are no history */
        v->history_count = 0;
        return;
    }
    if (v->history_count == VIEW_HISTORY)
        memmove(v->history, v->history + 1, --v->history_count * sizeof v->history[0]);
    v->history[v->history_count++] =
        (struct view_rates){ per_second(v, all_packets(s), all_packets(&v->before)),
                             8 * per_second(v, all_bytes(s), all_bytes(&v->before)),
                             per_second(v, s->events.written, v->before.events.written) };
}

/* ---- the top ---- */

/* What guards the machine from who takes the sensor over. */
static void draw_sandbox(struct page *p, const struct sandbox_status *s)
{
    put(p, DIM, "   sandbox ");
    put(p, s->seccomp ? PLAIN : RED, "%s", s->seccomp ? "seccomp" : "off");
    if (s->landlock > 0)
        put(p, PLAIN, ", landlock %u", s->landlock);
    put(p, s->capabilities == 0 ? PLAIN : RED, ", %s", s->capabilities == 0 ? "no caps" : "has caps");
    put(p, strcmp(s->user, "root") == 0 ? YELLOW : PLAIN, ", user %s", s->user);
}

static void draw_head(struct page *p)
{
    const struct sensor_status *s = &p->view->now;
    bool up = strcmp(s->state, "up") == 0;
    uint64_t age_s = grown(s->now_us / 1000000, s->catalog_built_s);

    put(p, BAR, " imward %s  %s ", s->version, s->interface);
    put(p, up ? BAR : RED, "%s", s->state);
    put(p, BAR, "  %s  up %s  pid %d ", s->method, duration(grown(s->now_us, s->started_us) / 1000000).text,
        s->pid);
    if (p->view->paused)
        put(p, YELLOW, " PAUSED ");
    if (p->view->colour && p->view->height > 0)
        put(p, BAR, "%*s", (int)(p->view->width - p->column), "");
    line_end(p);
    put(p, DIM, " catalog ");
    put(p, PLAIN, "%s", s->catalog_version);
    put(p, age_s > UINT64_C(90) * 86400 ? YELLOW : PLAIN, ", %s old", duration(age_s).text);
    put(p, DIM, "   policy ");
    put(p, PLAIN, "%s", s->policy_path[0] != '\0' ? s->policy_path : "none");
    put(p, DIM, "   reloads ");
    put(p, PLAIN, "%llu", (unsigned long long)s->reloads);
    if (s->reloads_failed > 0)
        put(p, YELLOW, ", %llu failed", (unsigned long long)s->reloads_failed);
    draw_sandbox(p, &s->sandbox);
    line_end(p);
    if (p->view->trouble[0] != '\0')
        put(p, RED, " %s", p->view->trouble);
    else if (s->reload_error[0] != '\0')
        put(p, RED, " reload failed, the old stays: %s", s->reload_error);
    line_end(p);
}

/* `offset`: which of struct view_rates. */
static void draw_history(struct page *p, size_t offset)
{
    static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    static const char *const ascii[] = { " ", "_", ".", "-", "=", "+", "*", "%", "#" };
    const struct status_view *v = p->view;
    unsigned room = v->width > p->column + 1 ? v->width - p->column - 1 : 0;
    unsigned n = v->history_count < room ? v->history_count : room;
    double most = 0;

    n = n < HISTORY_COLUMNS ? n : HISTORY_COLUMNS;
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = v->history_count - n; i < v->history_count; i++) {
            double rate = *(const double *)((const char *)&v->history[i] + offset);
            most = rate > most ? rate : most;
            if (pass == 1) {
                unsigned level = most > 0 ? (unsigned)ceil(rate * 8 / most) : 0;
                put(p, GREEN, "%s", (v->utf8 ? blocks : ascii)[level > 8 ? 8 : level]);
            }
        }
}

static void draw_rate(struct page *p, const char *name, double rate, size_t offset)
{
    put(p, DIM, " %-10s", name);
    put(p, BOLD, "%9s  ", si(rate).text);
    if (p->view->height == 0)
        put(p, DIM, "mean since the start");
    draw_history(p, offset);
    line_end(p);
}

/* What was carried and what was found in it, since the start. */
static void draw_content(struct page *p)
{
    const struct pipeline_status *c = &p->view->now.content;
    const struct scanner_status *s = &c->scanners;
    uint64_t now_s = p->view->now.now_us / 1000000, made_s = (uint64_t)s->signatures_made_s;

    put(p, DIM, " %-10s", "content");
    put(p, BOLD, "%9s", si((double)c->messages).text);
    put(p, PLAIN, "  messages, %s files", si((double)c->files).text);
    put(p, c->infected > 0 ? RED : PLAIN, ", %s infected", si((double)c->infected).text);
    put(p, PLAIN, ", %s not scanned; %s leaks, ", si((double)c->not_scanned).text, si((double)c->leaks).text);
    put(p, c->alerts > 0 ? YELLOW : PLAIN, "%s alerts", si((double)c->alerts).text);
    if (s->clamd_version[0] != '\0' || s->error[0] != '\0')
        put(p, s->clamd_up ? PLAIN : RED, "; clamd %s", s->clamd_up ? "up" : "down");
    if (made_s > 0)
        put(p, PLAIN, ", signatures %s old", duration(grown(now_s, made_s)).text);
    line_end(p);
}

/* What was stopped, in the place of the bypass: of a gateway most packets go by the kernel anyhow. */
static void draw_enforcement(struct page *p)
{
    const struct sensor_status *s = &p->view->now;
    const uint64_t *n = s->counters.n;

    put(p, DIM, " %-10s", "enforced");
    put(p, n[COUNT_GATE_BLOCKED] > 0 ? RED : BOLD, "%9s", si((double)n[COUNT_GATE_BLOCKED]).text);
    put(p, PLAIN, "  flows blocked, %s offers made void, %s look-ups refused; %s",
        si((double)n[COUNT_GATE_SPOILED]).text, si((double)n[COUNT_GATE_NAMES_REFUSED]).text, s->enforcement);
    if (s->endpoints.added > 0)
        put(p, PLAIN, "; kernel drops %s addresses", si((double)s->endpoints.entries).text);
}

static void draw_bypass(struct page *p)
{
    const struct sensor_status *s = &p->view->now, *b = &p->view->before;
    double packets = (double)grown(all_packets(s), all_packets(b));

    put(p, DIM, " %-10s", "bypass");
    put(p, BOLD, "%8.0f%%",
        packets > 0 ? 100 * (double)grown(s->live.bypassed_packets, b->live.bypassed_packets) / packets : 0);
    put(p, PLAIN, "  of packets, %s flows", si((double)s->live.bypassed_flows).text);
    if (strcmp(s->bypass, "on") != 0)
        put(p, YELLOW, "  %s", s->bypass);
}

static void draw_rates(struct page *p)
{
    const struct sensor_status *s = &p->view->now, *b = &p->view->before;
    const struct status_view *v = p->view;
    uint64_t decisions = 0;

    draw_rate(p, "packets/s", per_second(v, all_packets(s), all_packets(b)),
              offsetof(struct view_rates, packets));
    draw_rate(p, "bits/s", 8 * per_second(v, all_bytes(s), all_bytes(b)), offsetof(struct view_rates, bits));
    draw_rate(p, "events/s", per_second(v, s->events.written, b->events.written),
              offsetof(struct view_rates, events));
    put(p, DIM, " %-10s", "flows");
    put(p, BOLD, "%9s", si(s->flows_live).text);
    put(p, PLAIN, "  live, peak %s; memory %s, of it tables %s", si(s->memory.flows_peak).text,
        bytes((double)s->resident_bytes).text,
        bytes((double)(s->memory.flow_bytes + s->memory.inspect_bytes)).text);
    line_end(p);
    if (s->enforcement[0] != '\0')
        draw_enforcement(p);
    else
        draw_bypass(p);
    for (unsigned i = 0; i < DECISION_BUCKETS; i++)
        decisions += s->decided.packets[i];
    if (decisions > 0)
        put(p, PLAIN, "; decided after %.1f packets", (double)s->decided.packets_sum / (double)decisions);
    line_end(p);
    draw_content(p);
}

/* ---- drops and workers ---- */

struct drop_row {
    struct status_drop drop;
    uint64_t fresh; /* since the status before */
};

/* Those that happened, and the three that a person looks for. The most recent harm first. */
static unsigned drop_rows(const struct status_view *v, struct drop_row out[STATUS_DROPS])
{
    struct status_drop now[STATUS_DROPS], before[STATUS_DROPS];
    unsigned n = 0;

    status_drops(&v->now, now);
    status_drops(&v->before, before);
    for (unsigned pass = 0; pass < 3; pass++)
        for (unsigned i = 0; i < STATUS_DROPS; i++) {
            uint64_t fresh = grown(now[i].count, before[i].count);
            bool always = strcmp(now[i].cause, "kernel_ring") == 0 ||
                          strcmp(now[i].cause, "event_ring") == 0 || strcmp(now[i].cause, "output") == 0;
            unsigned rank = fresh > 0 ? 0 : now[i].count > 0 ? 1 : always ? 2 : 3;
            if (rank == pass)
                out[n++] = (struct drop_row){ now[i], fresh };
        }
    return n;
}

static void draw_drop(struct page *p, const struct drop_row *d)
{
    enum style style = d->fresh > 0 ? RED : d->drop.count > 0 ? PLAIN : DIM;

    put(p, style, " %-18s%9s%9s %.9s", d->drop.cause, p->view->height > 0 ? si((double)d->fresh).text : "",
        si((double)d->drop.count).text, d->drop.unit);
}

static void draw_worker(struct page *p, unsigned i)
{
    const struct status_view *v = p->view;
    const struct sensor_worker_status *w = &v->now.workers[i], *b = &v->before.workers[i];

    put(p, PLAIN, "%4u", i);
    if (w->cpu >= 0)
        put(p, PLAIN, "%5d", w->cpu);
    else
        put(p, DIM, "%5s", "-");
    put(p, PLAIN, "%11s%9s", si(per_second(v, w->packets, b->packets)).text, si((double)w->flows).text);
}

static void draw_drops_head(struct page *p)
{
    put(p, BOLD, " %-18s%9s%9s", "DROPS", p->view->height > 0 ? "now" : "", "total");
}

static void draw_workers_head(struct page *p)
{
    put(p, BOLD, "%4s%5s%11s%9s", "WRK", "CPU", "packets/s", "flows");
}

/* At most `rows` rows; the last says how many more there are. */
static void draw_side(struct page *p, unsigned rows)
{
    struct drop_row drops[STATUS_DROPS];
    unsigned drop_count = drop_rows(p->view, drops), workers = p->view->now.worker_count;
    bool wide = p->view->width >= WIDE;
    unsigned side = wide ? workers : 0, most = drop_count > side ? drop_count : side;

    draw_drops_head(p);
    if (wide) {
        go_to(p, WORKERS_AT);
        draw_workers_head(p);
    }
    line_end(p);
    for (unsigned i = 0; i < most && i < rows; i++) {
        if (i < drop_count)
            draw_drop(p, &drops[i]);
        if (i < side) {
            go_to(p, WORKERS_AT);
            if (i + 1 == rows && side > rows)
                put(p, DIM, " and %u more", side - i);
            else
                draw_worker(p, i);
        }
        line_end(p);
    }
    if (wide || workers == 0)
        return;
    draw_workers_head(p);
    line_end(p);
    for (unsigned i = 0; i < workers && i < rows; i++) {
        if (i + 1 == rows && workers > rows)
            put(p, DIM, " and %u more", workers - i);
        else
            draw_worker(p, i);
        line_end(p);
    }
}

/* ---- services ---- */

struct service_row {
    const char *slug;
    uint64_t flows, bytes, blocked, alerted, fresh;
};

static int compare_rows(const void *left, const void *right, void *context)
{
    const struct service_row *a = left, *b = right;
    uint64_t by_a = a->flows, by_b = b->flows;

    switch (*(const enum view_sort *)context) {
    case SORT_BYTES: by_a = a->bytes, by_b = b->bytes; break;
    case SORT_NEW: by_a = a->fresh, by_b = b->fresh; break;
    case SORT_BLOCKED: by_a = a->blocked, by_b = b->blocked; break;
    case SORT_NAME: by_a = by_b = 0; break;
    default: break;
    }
    if (by_a != by_b)
        return by_a > by_b ? -1 : 1;
    return strcmp(a->slug, b->slug);
}

static unsigned service_rows(const struct status_view *v, struct service_row out[TOP_SERVICES])
{
    const struct event_writer_status *now = &v->now.events, *before = &v->before.events;
    enum view_sort sort = v->sort;

    for (unsigned i = 0; i < now->service_count; i++) {
        uint64_t was = 0;
        for (unsigned k = 0; k < before->service_count; k++)
            if (strcmp(before->services[k].slug, now->services[i].slug) == 0)
                was = before->services[k].flows;
        out[i] = (struct service_row){ now->services[i].slug,    now->services[i].flows,
                                       now->services[i].bytes,   now->services[i].blocked,
                                       now->services[i].alerted, grown(now->services[i].flows, was) };
    }
    qsort_r(out, now->service_count, sizeof out[0], compare_rows, &sort);
    return now->service_count;
}

static void draw_services(struct page *p, unsigned rows)
{
    static const char *const sorts[] = { "flows", "bytes", "new flows", "blocked", "name" };
    struct service_row services[TOP_SERVICES];
    unsigned n = service_rows(p->view, services), width = p->view->width;
    bool live = p->view->height > 0;

    put(p, BOLD, " %-17s%9s%11s", "SERVICES", "flows", "bytes");
    if (width >= 60)
        put(p, BOLD, "%9s%9s", "alert", "block");
    if (width >= WIDE && live)
        put(p, BOLD, "%9s", "flows/s");
    if (live)
        put(p, DIM, "  by %s", sorts[p->view->sort]);
    line_end(p);
    for (unsigned i = 0; i < n && i < rows; i++) {
        put(p, services[i].fresh > 0 && live ? BOLD : PLAIN, " %-17.17s", services[i].slug);
        put(p, PLAIN, "%9s%11s", si((double)services[i].flows).text, bytes((double)services[i].bytes).text);
        if (width >= 60) {
            put(p, services[i].alerted > 0 ? YELLOW : DIM, "%9s", si((double)services[i].alerted).text);
            put(p, services[i].blocked > 0 ? RED : DIM, "%9s", si((double)services[i].blocked).text);
        }
        if (width >= WIDE && live)
            put(p, PLAIN, "%9s",
                si(p->view->seconds > 0 ? (double)services[i].fresh / p->view->seconds : 0).text);
        line_end(p);
    }
    if (n == 0) {
        put(p, DIM, " none yet: a service is told when its flow ends");
        line_end(p);
    }
}

/* ---- outputs, keys ---- */

static void draw_outputs(struct page *p, unsigned rows)
{
    const struct event_writer_status *e = &p->view->now.events, *b = &p->view->before.events;
    int name = p->view->width >= 70 ? 40 : p->view->width >= 52 ? 24 : 14;

    put(p, BOLD, " %-*s%6s%11s%9s", name, "OUTPUTS", "", "written", "lost");
    line_end(p);
    for (unsigned i = 0; i < e->output_count && i < rows; i++) {
        bool up = e->outputs[i].up, losing = grown(e->outputs[i].lost, b->outputs[i].lost) > 0;
        put(p, PLAIN, " %-*.*s", name, name, e->outputs[i].name);
        put(p, up ? GREEN : RED, "%6s", up ? "up" : "down");
        put(p, PLAIN, "%11s", si((double)e->outputs[i].written).text);
        put(p, losing ? RED : PLAIN, "%9s", si((double)e->outputs[i].lost).text);
        put(p, RED, "  %s", e->outputs[i].error);
        line_end(p);
    }
}

static void draw_help(struct page *p)
{
    struct status_drop drops[STATUS_DROPS];

    status_drops(&p->view->now, drops);
    put(p, BAR, " imward status ");
    line_end(p);
    put(p, PLAIN, " q quit   s sort services   p pause   ? this help and back");
    line_end(p);
    line_end(p);
    put(p, BOLD, " %-18s%10s  %s", "DROPS", "of what", "what it means, what to do");
    line_end(p);
    for (unsigned i = 0; i < STATUS_DROPS; i++) {
        put(p, PLAIN, " %-18s", drops[i].cause);
        put(p, DIM, "%10s", drops[i].unit);
        put(p, PLAIN, "  %s", drops[i].help);
        line_end(p);
    }
    line_end(p);
    put(p, PLAIN, " Red: in the last second. imward-status(1) tells the rest.");
    line_end(p);
}

enum { AIRY = 30 }; /* rows from which empty lines part the tables */

struct plan {
    unsigned side, services, outputs; /* rows, without heads */
    bool airy;
};

/* Share the page's rows out: outputs and drops get what they need within bounds, services the rest. */
static struct plan page_plan(const struct status_view *v)
{
    struct drop_row drops[STATUS_DROPS];
    unsigned need = drop_rows(v, drops), stacked = v->width >= WIDE ? 1 : 2;
    unsigned services = v->now.events.service_count > 0 ? v->now.events.service_count : 1;
    struct plan plan = { ENGINE_WORKERS_MAX, TOP_SERVICES, v->now.events.output_count, true };

    if (v->height == 0)
        return plan;
    need = v->now.worker_count > need ? v->now.worker_count : need;
    plan.airy = v->height >= AIRY;
    unsigned fixed = FIXED_ROWS + (stacked - 1) + (plan.airy ? 2 : 0);
    unsigned room = v->height > fixed + 3 ? v->height - fixed : 3;
    unsigned most = v->height / 12 + 1;
    plan.outputs = plan.outputs < most ? plan.outputs : most;
    most = v->height / (6 * stacked);
    unsigned spare = room > plan.outputs + services ? (room - plan.outputs - services) / stacked : 0;
    plan.side = spare > most ? spare : most;
    plan.side = plan.side < need ? plan.side : need;
    unsigned taken = plan.outputs + plan.side * stacked;
    plan.services = room > taken ? room - taken : 0;
    plan.services = plan.services < services ? plan.services : services;
    return plan;
}

/* The rest of the page stays empty; the last line tells the keys. */
static void draw_foot(struct page *p)
{
    while (p->row + 1 < p->view->height)
        line_end(p);
    put(p, DIM, " q quit  s sort  p pause  ? help");
    text_string(p->out, "\033[K");
}

void status_view_draw(const struct status_view *v, struct text *out)
{
    struct page p = { out, v, 0, 0 };
    struct plan plan = page_plan(v);

    if (v->height > 0)
        text_string(out, "\033[H");
    if (v->help && v->height > 0) {
        draw_help(&p);
    } else {
        draw_head(&p);
        draw_rates(&p);
        line_end(&p);
        draw_side(&p, plan.side);
        if (plan.airy)
            line_end(&p);
        draw_services(&p, plan.services);
        if (plan.airy)
            line_end(&p);
        draw_outputs(&p, plan.outputs);
    }
    if (v->height > 0) {
        if (p.row >= v->height) { /* the last row is for the keys all the same */
            text_format(out, "\033[%u;1H", v->height);
            p.row = v->height - 1;
            p.column = 0;
        }
        draw_foot(&p);
    }
}
