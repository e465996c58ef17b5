/* SPDX-License-Identifier: Apache-2.0 */
/* The table for people: who used which service, how, since when and why we say so; and a summary by service.
 */
#include "event/table.h"
#include <stdlib.h>
#include <time.h>

struct row {
    uint64_t first_us, bytes;
    uint16_t service;
    uint8_t activities, delivery, confidence, evidence_kind;
    bool port_agile, conflict, midstream;
    char action[8];
    struct flow_key key;
    char client_host[64], server_host[64], evidence[RECORD_VALUE_BYTES], account[48];
    const char *slug, *protocol;
    enum service_class class;
    char file[64];
};

struct table *table_new(bool colour)
{
    struct table *t = calloc(1, sizeof *t);

    if (t != NULL) {
        t->colour = colour;
        pthread_mutex_init(&t->lock, NULL);
    }
    return t;
}

void table_free(struct table *t)
{
    if (t == NULL)
        return;
    pthread_mutex_destroy(&t->lock);
    table_content_free(t);
    free(t->rows);
    free(t);
}

size_t table_rows(const struct table *t)
{
    return t->count;
}

static void copy(char *out, size_t size, const char *text)
{
    struct text t = text_over(out, size);

    text_shown(&t, view_string(text));
}

static void fill(struct row *r, const struct flow_event *e)
{
    const struct flow *f = e->flow;
    const struct catalog_service *s = catalog_service(e->catalog, f->service);
    unsigned app = f->protocol != PROTOCOL_UNKNOWN ? f->protocol : f->app;

    *r = (struct row){
        .first_us = f->first_us,
        .bytes = f->bytes[0] + f->bytes[1],
        .service = f->service,
        .activities = f->activities,
        .delivery = f->delivery,
        .confidence = f->confidence,
        .port_agile = e->port_agile,
        .conflict = (f->flags & FLOW_CONFLICT) != 0,
        .midstream = (f->flags & FLOW_MIDSTREAM) != 0,
        .key = f->key,
        .slug = s != NULL ? s->slug : "-",
        .class = s != NULL ? s->class : CLASS_IM,
        .protocol = app != PROTOCOL_UNKNOWN ? protocol_name((enum protocol)app) : "",
    };
    copy(r->action, sizeof r->action, e->verdict.action);
    copy(r->client_host, sizeof r->client_host, e->client != NULL ? e->client->host : NULL);
    copy(r->server_host, sizeof r->server_host, e->server != NULL ? e->server->host : NULL);
    copy(r->file, sizeof r->file, e->file);
    if (e->record == NULL)
        return;
    copy(r->account, sizeof r->account, e->record->account);
    unsigned best = 0;
    for (unsigned i = 0; i < e->record->evidence_count; i++) {
        if (e->record->evidence[i].service != f->service || e->record->evidence[i].confidence <= best)
            continue;
        best = e->record->evidence[i].confidence;
        r->evidence_kind = e->record->evidence[i].kind;
        copy(r->evidence, sizeof r->evidence, e->record->evidence[i].value);
    }
    if (f->service == 0)
        copy(r->evidence, sizeof r->evidence, e->record->server_name);
}

bool table_room(void *array, size_t count, size_t *room, size_t size)
{
    size_t more = *room > 0 ? *room * 2 : 256;
    void *at;

    if (count < *room)
        return true;
    memcpy(&at, array, sizeof at);
    at = realloc(at, more * size);
    if (at == NULL)
        return false;
    memcpy(array, &at, sizeof at);
    *room = more;
    return true;
}

bool table_add(struct table *t, const struct flow_event *e)
{
    pthread_mutex_lock(&t->lock);
    bool ok = table_room(&t->rows, t->count, &t->size, sizeof *t->rows);
    if (ok)
        fill(&t->rows[t->count++], e);
    pthread_mutex_unlock(&t->lock);
    return ok;
}

/* ---- printing ---- */

static int by_time(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->first_us != y->first_us)
        return x->first_us < y->first_us ? -1 : 1;
    return memcmp(&x->key, &y->key, sizeof x->key);
}

void table_size_text(struct text *t, uint64_t bytes)
{
    static const char unit[] = { 'B', 'K', 'M', 'G', 'T' };
    double n = (double)bytes;
    unsigned i = 0;

    while (n >= 1000 && i + 1 < sizeof unit) {
        n /= 1024;
        i++;
    }
    if (i == 0)
        text_format(t, "%lluB", (unsigned long long)bytes);
    else
        text_format(t, "%.*f%c", n < 10 ? 1 : 0, n, unit[i]);
}

static void end_text(struct text *t, const struct row *r, enum flow_dir d)
{
    const char *host = d == FROM_CLIENT ? r->client_host : r->server_host;
    bool v6 = !ip_is_v4(&r->key.addr[d]);

    if (v6 && d == FROM_SERVER)
        text_char(t, '[');
    text_address(t, &r->key.addr[d]);
    if (v6 && d == FROM_SERVER)
        text_char(t, ']');
    if (d == FROM_SERVER)
        text_format(t, ":%u/%s", r->key.port[d], r->key.l4 == L4_TCP ? "tcp" : "udp");
    else if (host[0] != '\0')
        text_format(t, " %s", host);
}

static void activities_text(struct text *t, uint8_t activities)
{
    for (unsigned a = 0, n = 0; a < ACTIVITY_COUNT; a++)
        if ((activities >> a & 1) != 0)
            text_format(t, "%s%s", n++ > 0 ? "," : "", activity_name((enum activity)a));
    if (activities == 0)
        text_char(t, '-');
}

static void evidence_text(struct text *t, const struct row *r)
{
    if (r->service != 0)
        text_format(t, "%s ", evidence_name((enum evidence_kind)r->evidence_kind));
    text_string(t, r->evidence);
    if (r->service != 0 && r->confidence < 100)
        text_format(t, " (%u%%)", r->confidence);
}

static void flags_text(struct text *t, const struct table *table, const struct row *r)
{
    if (r->port_agile)
        text_format(t, " %sport-agile%s", table_paint(table, YELLOW), table_paint(table, PLAIN));
    if (r->conflict)
        text_format(t, " %sinjection?%s", table_paint(table, RED), table_paint(table, PLAIN));
    if (r->service != 0 && strcmp(r->action, "alert") != 0)
        text_format(t, " %s%s%s", table_paint(table, strcmp(r->action, "block") == 0 ? RED : DIM), r->action,
                    table_paint(table, PLAIN));
}

enum {
    COLUMN_CLIENT,
    COLUMN_SERVICE,
    COLUMN_ACTIVITY,
    COLUMN_DELIVERY,
    COLUMN_SERVER,
    COLUMN_BYTES,
    COLUMNS
};

struct cells {
    char text[COLUMNS][96];
};

static void cells_of(const struct row *r, struct cells *out)
{
    struct text t[COLUMNS];

    for (unsigned i = 0; i < COLUMNS; i++)
        t[i] = text_over(out->text[i], sizeof out->text[i]);
    end_text(&t[COLUMN_CLIENT], r, FROM_CLIENT);
    text_string(&t[COLUMN_SERVICE], r->service != 0 ? r->slug : r->protocol);
    activities_text(&t[COLUMN_ACTIVITY], r->activities);
    text_string(&t[COLUMN_DELIVERY],
                r->delivery != DELIVERY_UNKNOWN ? delivery_name((enum delivery)r->delivery) : "-");
    end_text(&t[COLUMN_SERVER], r, FROM_SERVER);
    table_size_text(&t[COLUMN_BYTES], r->bytes);
}

static void print_rows(const struct table *t, FILE *out, bool several)
{
    static const char *const heading[COLUMNS] = { "CLIENT",   "SERVICE", "ACTIVITY",
                                                  "DELIVERY", "SERVER",  "BYTES" };
    int width[COLUMNS];
    struct cells c;

    for (unsigned i = 0; i < COLUMNS; i++)
        width[i] = (int)strlen(heading[i]);
    for (size_t n = 0; n < t->count; n++) {
        cells_of(&t->rows[n], &c);
        for (unsigned i = 0; i < COLUMNS; i++)
            if ((int)strlen(c.text[i]) > width[i])
                width[i] = (int)strlen(c.text[i]);
    }
    fputs(table_paint(t, BOLD), out);
    for (unsigned i = 0; i < COLUMNS; i++)
        fprintf(out, i == COLUMN_BYTES ? "%*s  " : "%-*s  ", width[i], heading[i]);
    fprintf(out, "EVIDENCE%s%s\n", several ? " AND CAPTURE" : "", table_paint(t, PLAIN));
    for (size_t n = 0; n < t->count; n++) {
        const struct row *r = &t->rows[n];
        char why[160], flags[96];
        struct text why_text = TEXT(why), flag_text = TEXT(flags);

        cells_of(r, &c);
        evidence_text(&why_text, r);
        flags_text(&flag_text, t, r);
        for (unsigned i = 0; i < COLUMNS; i++) {
            const char *colour = i == COLUMN_SERVICE && r->service != 0 ? CYAN : "";
            fputs(table_paint(t, colour), out);
            fprintf(out, i == COLUMN_BYTES ? "%*s" : "%-*s", width[i], c.text[i]);
            fprintf(out, "%s  ", colour[0] != '\0' ? table_paint(t, PLAIN) : "");
        }
        fprintf(out, "%s%s", why, flags);
        if (several)
            fprintf(out, " %s%s%s", table_paint(t, DIM), r->file, table_paint(t, PLAIN));
        fputc('\n', out);
    }
}

struct sum {
    uint16_t service;
    const struct row *row;
    uint64_t flows, bytes, lookups, port_agile;
    uint8_t activities;
    size_t clients;
};

static int by_service_and_client(const void *a, const void *b)
{
    const struct row *const *x = a, *const *y = b;

    if ((*x)->service != (*y)->service)
        return (*x)->service < (*y)->service ? -1 : 1;
    return memcmp(&(*x)->key.addr[FROM_CLIENT], &(*y)->key.addr[FROM_CLIENT], sizeof(struct ip_addr));
}

static int by_bytes(const void *a, const void *b)
{
    const struct sum *x = a, *y = b;

    if (x->row->class != y->row->class)
        return x->row->class < y->row->class ? -1 : 1;
    return x->bytes > y->bytes ? -1 : x->bytes < y->bytes;
}

/* Sums by service out of rows sorted by service and client. Returns how many. */
static size_t sum_up(const struct row *const *rows, size_t count, struct sum *sums)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        const struct row *r = rows[i];
        if (r->service == 0)
            continue;
        if (n == 0 || sums[n - 1].service != r->service)
            sums[n++] = (struct sum){ .service = r->service, .row = r };
        struct sum *s = &sums[n - 1];
        bool lookup = r->activities == 1 << ACTIVITY_LOOKUP;
        s->flows += !lookup;
        s->lookups += lookup;
        s->bytes += r->bytes;
        s->port_agile += r->port_agile;
        s->activities |= r->activities;
        if (i == 0 || rows[i - 1]->service != r->service ||
            !ip_equal(&rows[i - 1]->key.addr[FROM_CLIENT], &r->key.addr[FROM_CLIENT]))
            s->clients++;
    }
    return n;
}

static void print_summary(const struct table *t, FILE *out)
{
    const struct row **rows = malloc((t->count > 0 ? t->count : 1) * sizeof(const struct row *));
    struct sum *sums = malloc((t->count > 0 ? t->count : 1) * sizeof *sums);

    if (rows != NULL && sums != NULL) {
        for (size_t i = 0; i < t->count; i++)
            rows[i] = &t->rows[i];
        qsort(rows, t->count, sizeof(const struct row *), by_service_and_client);
        size_t n = sum_up(rows, t->count, sums);
        qsort(sums, n, sizeof *sums, by_bytes);
        fprintf(out, "\n%s%-14s %-10s %7s %7s %8s %7s  %s%s\n", table_paint(t, BOLD), "SERVICE", "CLASS",
                "CLIENTS", "FLOWS", "LOOKUPS", "BYTES", "ACTIVITY", table_paint(t, PLAIN));
        for (size_t i = 0; i < n; i++) {
            char bytes[16], activities[64];
            struct text b = TEXT(bytes), a = TEXT(activities);
            table_size_text(&b, sums[i].bytes);
            activities_text(&a, sums[i].activities);
            fprintf(out, "%s%-14s%s %-10s %7zu %7llu %8llu %7s  %s%s%s%s\n", table_paint(t, CYAN),
                    sums[i].row->slug, table_paint(t, PLAIN), class_name(sums[i].row->class), sums[i].clients,
                    (unsigned long long)sums[i].flows, (unsigned long long)sums[i].lookups, bytes, activities,
                    sums[i].port_agile > 0 ? table_paint(t, YELLOW) : "",
                    sums[i].port_agile > 0 ? " port-agile" : "", table_paint(t, PLAIN));
        }
    }
    free(rows);
    free(sums);
}

void table_print(struct table *t, FILE *out, bool several)
{
    if (t->count > 0) {
        qsort(t->rows, t->count, sizeof *t->rows, by_time);
        print_rows(t, out, several);
        print_summary(t, out);
    }
    table_content_print(t, out, several);
}
