/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Duties at size: how long publication, answers, signatures and the clerk's runs take with so many people.
 *
 *     bench_duties URL PEOPLE
 *
 * People of 200 departments below 2,000 managers, these below 40, and those below one; two documents for
 * everybody, of which nine of ten have signed the first. Each question is asked 100 times with changing
 * values. `bench/program` runs it on both databases.
 */
#include "program/document.h"
#include "program/duty.h"
#include "program/person.h"
#include "program/person_text.h"
#include "program/setting.h"
#include "program/signature.h"
#include "store/team.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { DEPARTMENTS = 200, MANAGERS = 2000, DIRECTORS = 40, TIMES = 100 };
static const uint64_t start_us = UINT64_C(1795600000000000), day_us = UINT64_C(86400000000);

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* CPU time of this process and of PostgreSQL's for our connection; `clock`: where the kernel tells the
 * latter, empty where there is none. */
static uint64_t cpu_us(const char *clock)
{
    unsigned long long ns = 0;
    struct rusage r;
    FILE *f = clock[0] != '\0' ? fopen(clock, "r") : NULL;

    if (f != NULL && fscanf(f, "%llu", &ns) != 1)
        ns = 0;
    if (f != NULL)
        fclose(f);
    getrusage(RUSAGE_SELF, &r);
    return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) + ns / 1000;
}

static void must(bool ok, const struct imw_error_info *err)
{
    if (!ok) {
        fprintf(stderr, "bench_duties: %s\n", err->text);
        exit(1);
    }
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

struct bench {
    struct db *db;
    struct actor compliance, manager, director, chief, employee;
    int64_t people, documents[2], versions[2];
    char clock[64];
    struct imw_error_info err;
};

static struct act act_of(struct bench *b, const struct actor *by)
{
    return (struct act){ .db = b->db, .actor = by, .address = NULL, .now_us = start_us + 20 * day_us };
}

static void run(struct bench *b, const char *sql)
{
    must(db_run(b->db, sql, DB_NONE, NULL, &b->err), &b->err);
}

static void fill(struct bench *b)
{
    char sql[1024];

    must(db_begin(b->db, true, &b->err), &b->err);
    snprintf(
        sql, sizeof sql,
        "insert into department (name) with recursive n(i) as (select 1 union all select i + 1 from n where i < %d) select "
        "'Department ' || i from n",
        DEPARTMENTS);
    run(b, sql);
    snprintf(
        sql, sizeof sql,
        "insert into person (pseudonym, number, name, email, department, source, state, joined_us, changed_us) with "
        "recursive n(i) as (select 1 union all select i + 1 from n where i < %lld) select 'P-' || i, 'n' || i, "
        "'Person Number ' || i, 'p' || i || '@bank.example', 1 + i %% %d, 'csv', 'active', 0, 0 from n",
        (long long)b->people, DEPARTMENTS);
    run(b, sql);
    snprintf(
        sql, sizeof sql,
        "update person set manager = case when id > %d then 1 + id %% %d when id > %d then 1 + id %% %d else 1 end "
        "where id > 1",
        MANAGERS, MANAGERS, DIRECTORS, DIRECTORS);
    run(b, sql);
    run(b,
        "insert into account (name, full_name, source, roles, person, state, created_us) values ('c', 'C', 'local', "
        "'compliance', 1, 'active', 0)");
    must(team_rebuild(b->db, &b->err) && person_text_keep(b->db, 0, &b->err), &b->err);
    must(db_commit(b->db, &b->err), &b->err);
}

/* A document in force, and everybody's duty. */
static void publish(struct bench *b, unsigned n)
{
    struct act a = act_of(b, &b->compliance);
    const uint64_t before = now_us(), cpu = cpu_us(b->clock);

    a.now_us = start_us;
    must(
        db_begin(b->db, true, &b->err) &&
            db_insert(
                b->db,
                "insert into document (title, audience, due_days, remind_before, remind_every, escalate_after, "
                "created_us, changed_us) values (?, 'everybody', 14, 3, 7, 7, 0, 0) returning id",
                DB_ARGS(db_text(n == 0 ? "First" : "Second")), &b->documents[n], &b->err) &&
            db_insert(
                b->db,
                "insert into document_version (document, edition, text, sha256, state, created_us, changed_us, "
                "published_us) values (?, '1', '# A', 'x', 'published', 0, 0, 1) returning id",
                DB_ARGS(db_int(b->documents[n])), &b->versions[n], &b->err) &&
            duty_begin(&a, b->documents[n], b->versions[n], &b->err) && db_commit(b->db, &b->err),
        &b->err);
    printf("%-34s %7.1f ms   CPU %6.1f ms\n", "publication: everybody owes it",
           (double)(now_us() - before) / 1000, (double)(cpu_us(b->clock) - cpu) / 1000);
}

static void ask_summary(struct bench *b, unsigned i, const struct actor *by)
{
    struct act a = act_of(b, by);
    json_t *out = NULL;

    (void)i;
    must(duty_summary(&a, &out, &b->err), &b->err);
    json_decref(out);
}

static void ask_list(struct bench *b, unsigned i, const struct actor *by)
{
    static const char *const states[] = { "open", "overdue", "signed" };
    const struct duty_filter f = { .document = i % 2 == 0 ? 0 : b->documents[i / 2 % 2],
                                   .department = i % 5 == 0 ? 1 + (int64_t)(i % DEPARTMENTS) : 0,
                                   .state = states[i % 3],
                                   .limit = 100 };
    struct act a = act_of(b, by);
    json_t *out = NULL;

    must(duty_list(&a, &f, &out, &b->err), &b->err);
    json_decref(out);
}

static void ask_name(struct bench *b, unsigned i, const struct actor *by)
{
    char text[32];
    struct act a = act_of(b, by);
    json_t *out = NULL;

    snprintf(text, sizeof text, "number %u", i * 97);
    must(duty_list(&a, &(struct duty_filter){ .state = "open", .text = text, .limit = 100 }, &out, &b->err),
         &b->err);
    json_decref(out);
}

static void ask_people(struct bench *b, unsigned i, const struct actor *by)
{
    const struct people_view view = { .actor = by, .names = true, .now_us = start_us };
    json_t *out = NULL;

    must(people_list(b->db, &view,
                     &(struct people_filter){ .state = "active",
                                              .department = i % 5 == 0 ? 1 + (int64_t)(i % DEPARTMENTS) : 0,
                                              .after = (int64_t)(i * 997) % b->people,
                                              .limit = 100 },
                     &out, &b->err),
         &b->err);
    json_decref(out);
}

static void ask_people_name(struct bench *b, unsigned i, const struct actor *by)
{
    const struct people_view view = { .actor = by, .names = true, .now_us = start_us };
    char text[32];
    json_t *out = NULL;

    snprintf(text, sizeof text, "umber %u", i * 97);
    must(people_list(b->db, &view, &(struct people_filter){ .text = text, .state = "active", .limit = 100 },
                     &out, &b->err),
         &b->err);
    json_decref(out);
}

static void ask_documents(struct bench *b, unsigned i, const struct actor *by)
{
    struct act a = act_of(b, by);
    json_t *out = NULL;

    (void)i;
    must(document_list(&a, &out, &b->err), &b->err);
    json_decref(out);
}

static void ask_mine(struct bench *b, unsigned i, const struct actor *by)
{
    struct actor me = *by;
    struct act a = act_of(b, &me);
    json_t *out = NULL;

    me.person = 1 + (int64_t)(i * 991) % b->people;
    must(mine_documents(&a, &out, &b->err), &b->err);
    json_decref(out);
}

static void ask_signatures(struct bench *b, unsigned i, const struct actor *by)
{
    struct act a = act_of(b, by);
    json_t *out = NULL;

    must(signature_list(
             &a, &(struct signature_filter){ .document = i % 2 == 0 ? 0 : b->documents[0], .limit = 100 },
             &out, &b->err),
         &b->err);
    json_decref(out);
}

static void time_it(struct bench *b, const char *name,
                    void (*ask)(struct bench *, unsigned, const struct actor *), const struct actor *by)
{
    uint64_t at[TIMES], cpu = cpu_us(b->clock);

    for (unsigned i = 0; i < TIMES; i++) {
        const uint64_t before = now_us();
        must(db_begin(b->db, false, &b->err), &b->err);
        ask(b, i, by);
        db_rollback(b->db);
        at[i] = now_us() - before;
    }
    cpu = cpu_us(b->clock) - cpu;
    qsort(at, TIMES, sizeof *at, by_value);
    printf("%-34s median %6.1f ms   95%% %6.1f ms   worst %6.1f ms   CPU %6.1f ms each\n", name,
           (double)at[TIMES / 2] / 1000, (double)at[TIMES * 95 / 100] / 1000, (double)at[TIMES - 1] / 1000,
           (double)cpu / TIMES / 1000);
}

static void sign_most(struct bench *b)
{
    run(b,
        "insert into signature (person, document, version, typed_name, proof, proved_us, time_us, sha256, receipt, "
        "receipt_sha256) select u.person, u.document, u.version, 'x', 'password', 0, u.person, 'x', '{}', 'r' || u.person "
        "from duty u where u.document = 1 and u.person % 10 <> 0");
    run(b, "update duty set done_us = 1795700000000000 + person where document = 1 and person % 10 <> 0");
    run(b, "update document set team_sums = 0");
    must(db_begin(b->db, true, &b->err) && duty_refresh(b->db, 0, start_us, NULL, &b->err) &&
             db_commit(b->db, &b->err),
         &b->err);
    run(b, db_kind(b->db) == DB_SQLITE ? "analyze" : "vacuum analyze"); /* as autovacuum does */
}

static void time_clerk(struct bench *b)
{
    uint64_t before = now_us();
    bool stale = false, more = true;
    unsigned mails = 0, all = 0;

    must(db_begin(b->db, false, &b->err) && duty_is_stale(b->db, &stale, &b->err), &b->err);
    db_rollback(b->db);
    printf("%-34s %7.1f ms\n", "clerk: is the directory another?", (double)(now_us() - before) / 1000);
    must(db_begin(b->db, true, &b->err) && setting_set(b->db, SETTING_ID_MAIL_ON, "1", 0, &b->err) &&
             db_commit(b->db, &b->err),
         &b->err);
    before = now_us();
    for (unsigned i = 0; more && i < 20; i++) {
        must(duty_remind_due(b->db, start_us, &mails, &more, &b->err), &b->err);
        all += mails;
    }
    printf("%-34s %7.1f ms for %u mails\n", "clerk: reminders into the queue",
           (double)(now_us() - before) / 1000, all);
}

int main(int argc, char **argv)
{
    struct bench b = { .people = argc > 2 ? strtoll(argv[2], NULL, 10) : 0 };

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 3 || b.people < MANAGERS) {
        fprintf(stderr, "bench_duties URL PEOPLE\n");
        return 2;
    }
    must(db_migrate(argv[1], &b.err) && db_open(argv[1], &b.db, &b.err), &b.err);
    b.compliance = (struct actor){ .account = 1, .name = "c", .roles = 1U << ROLE_COMPLIANCE, .person = 1 };
    b.compliance.permissions = permissions_of(b.compliance.roles);
    b.manager = (struct actor){ .account = 1, .name = "m", .roles = 1U << ROLE_MANAGER, .person = 1007 };
    b.director = b.manager, b.director.person = 7;
    b.chief = b.manager, b.chief.person = 1;
    b.employee = (struct actor){ .account = 1, .name = "e", .roles = 1U << ROLE_EMPLOYEE, .person = 7 };
    int64_t pid = 0;
    if (db_kind(b.db) == DB_POSTGRES) {
        must(db_query_int(b.db, "select pg_backend_pid()", DB_NONE, &pid, NULL, &b.err), &b.err);
        snprintf(b.clock, sizeof b.clock, "/proc/%lld/schedstat", (long long)pid);
    }
    fill(&b);
    publish(&b, 0);
    publish(&b, 1);
    sign_most(&b);
    time_it(&b, "summary, everybody", ask_summary, &b.compliance);
    time_it(&b, "summary, a team of 50", ask_summary, &b.manager);
    time_it(&b, "list of 100, everybody", ask_list, &b.compliance);
    time_it(&b, "list, a team of 50", ask_list, &b.manager);
    time_it(&b, "summary, a team of a fortieth", ask_summary, &b.director);
    time_it(&b, "list, a team of a fortieth", ask_list, &b.director);
    time_it(&b, "summary, a team of all", ask_summary, &b.chief);
    time_it(&b, "list, a team of all", ask_list, &b.chief);
    time_it(&b, "search for a name", ask_name, &b.compliance);
    time_it(&b, "people, 100", ask_people, &b.compliance);
    time_it(&b, "people, part of a name", ask_people_name, &b.compliance);
    time_it(&b, "documents", ask_documents, &b.compliance);
    time_it(&b, "signatures, 100", ask_signatures, &b.compliance);
    time_it(&b, "what is mine", ask_mine, &b.employee);
    time_clerk(&b);
    db_close(b.db);
    return 0;
}
