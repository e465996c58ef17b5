/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the whole packet path: the input is a capture. It goes through the engine with one worker
 * and tiny limits; every flow, IM or not, is written as an event and entered into the table, which is
 * printed. At the end all memory of inspection must have come back. The engine is made once: captures do not
 * know of each other.
 *
 * What is carried goes to a content pipeline that stands here in place of the engine's (the linker then takes
 * no other): it reads every byte that it is handed, so that the sanitizers see views that are not what they
 * say, and keeps a file's bytes to the time between its beginning and its end. A parser that breaks that
 * contract would have its file mixed with another.
 */
#include "content/plain.h"
#include "engine/carry.h"
#include "engine/engine.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the pipeline ---- */

enum { FILES = 4096 }; /* under way at a time, that are looked after */

struct pipeline {
    uint32_t last;           /* number of a file */
    uint32_t open[FILES];    /* by number, at its remainder; 0: none */
    uint64_t flow_id[FILES]; /* of the same */
    uint64_t bytes, records; /* told so far */
    uint8_t sum;             /* of every byte, so that none is left unread */
};

static struct pipeline content;

static void touch(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        content.sum = (uint8_t)(content.sum * 31 + v.at[i]);
    content.bytes += v.len;
}

static void touch_scene(const struct activity_event *where)
{
    if (where->flow == NULL || where->catalog == NULL || where->flow->service == 0)
        abort(); /* nobody is told of content before it is known whose it is */
    content.records++;
}

bool pipeline_wants_files(const struct pipeline *p)
{
    return p == &content;
}

uint32_t pipeline_file_begin(struct pipeline *p, unsigned worker, const struct activity_event *where,
                             const struct im_file *f)
{
    (void)worker;
    touch_scene(where);
    touch(f->name);
    touch(f->type);
    touch(f->account);
    touch(f->peer);
    touch(f->room);
    uint32_t number = ++p->last != 0 ? p->last : ++p->last;
    p->open[number % FILES] = number; /* one that is still open there is not looked after any more */
    p->flow_id[number % FILES] = where->flow_id;
    return number;
}

/* Of a file: its place. A parser may only name what it was given. */
static unsigned place_of(const struct pipeline *p, uint32_t file)
{
    if (file == 0 || file - 1 >= p->last)
        abort();
    return file % FILES;
}

void pipeline_file_bytes(struct pipeline *p, unsigned worker, uint32_t file, uint64_t offset,
                         struct view bytes)
{
    unsigned place = place_of(p, file);

    (void)worker;
    if (p->open[place] < file || bytes.len > UINT64_MAX - offset)
        abort(); /* it ended, or bytes that stand nowhere */
    touch(bytes);
}

void pipeline_file_end(struct pipeline *p, unsigned worker, uint32_t file, uint64_t time_us, bool whole)
{
    unsigned place = place_of(p, file);

    (void)worker;
    (void)time_us;
    (void)whole;
    if (p->open[place] < file)
        abort(); /* twice */
    if (p->open[place] == file)
        p->open[place] = 0;
}

void pipeline_activity(struct pipeline *p, unsigned worker, const struct activity_event *e)
{
    static char plain[CARRY_TEXT_BYTES];
    struct text t = TEXT(plain);
    const struct im_detail *d = e->detail;

    (void)p;
    (void)worker;
    content.records++;
    if (d == NULL)
        return;
    touch(d->account);
    touch(d->peer);
    touch(d->room);
    touch(d->file);
    touch(d->text);
    touch(d->display);
    plain_text(&t, d->markup, d->text);
}

void pipeline_contact(struct pipeline *p, unsigned worker, const struct activity_event *where,
                      const struct im_contact *c)
{
    (void)p;
    (void)worker;
    touch_scene(where);
    touch(c->account);
    touch(c->peer);
    touch(c->display);
    touch(c->group);
}

void pipeline_anomaly(struct pipeline *p, unsigned worker, const struct activity_event *where, enum anomaly a,
                      struct view value)
{
    (void)p;
    (void)worker;
    if ((unsigned)a >= ANOMALY_COUNT)
        abort();
    touch_scene(where);
    touch(value);
}

void pipeline_ticket(struct pipeline *p, unsigned worker, const struct activity_event *where, uint64_t hash)
{
    (void)worker;
    touch_scene(where);
    p->sum = (uint8_t)(p->sum + hash);
}

/* Nothing comes of a flow that ended. */
void pipeline_flow(struct pipeline *p, unsigned worker, const struct flow_event *e)
{
    (void)worker;
    for (unsigned i = 0; i < FILES; i++)
        if (p->open[i] != 0 && p->flow_id[i] == e->flow_id)
            p->open[i] = 0;
}

/* ---- the engine ---- */

struct output {
    struct table *table;
};

static void on_flow(void *context, const struct flow_event *e)
{
    const struct output *out = context;
    char line[EVE_LINE_BYTES];
    size_t len = eve_flow(e, line);

    if (len < 2 || line[len - 1] != '\n' || line[len - 2] != '}' || !table_add(out->table, e))
        abort();
}

static void on_activity(void *context, const struct activity_event *e)
{
    char line[EVE_LINE_BYTES];

    (void)context;
    (void)eve_activity(e, line);
}

static struct engine *engine_of(struct output *out)
{
    static struct engine *engine;
    struct rules *rules;
    struct imw_error_info err;

    if (engine != NULL)
        return engine;
    if (!rules_load(NULL, NULL, NULL, &rules, &err))
        abort();
    struct engine_config config = { .rules = rules,
                                    .workers = 1,
                                    .max_flows = 8,
                                    .max_inspections = 6,
                                    .all_flows = true,
                                    .flow = on_flow,
                                    .activity = on_activity,
                                    .pipeline = &content,
                                    .context = out };
    if (!engine_new(&config, &engine, &err))
        abort();
    return engine;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct output out;
    static FILE *nowhere;
    struct engine *e = engine_of(&out);
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct imw_error_info err;
    struct capture *c;
    char path[32];

    if (nowhere == NULL && (nowhere = fopen("/dev/null", "we")) == NULL)
        abort();
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (capture_open(path, &c, &err)) {
        out.table = table_new(true);
        if (out.table == NULL)
            abort();
        (void)engine_read(e, c, "fuzz.pcap", &err);
        table_print(out.table, nowhere, true);
        table_free(out.table);
        capture_close(c);
        if (engine_memory(e).inspect_used != 0)
            abort();
    }
    close(fd);
    return 0;
}
