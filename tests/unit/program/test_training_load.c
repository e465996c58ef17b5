/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Very many people in training: what the clerk needs to assign them all, and how long the answers take that
 * pages wait for. The figures are printed; what is asserted leaves room for a loaded machine and sanitizers.
 * `IMWARD_PEOPLE=100000` for as many as the console is made for.
 */
#include "program/courses.h"
#include "program/person_text.h"
#include "program/training.h"
#include "store/team.h"
#include <stdlib.h>
#include <time.h>

enum { DEPARTMENTS = 200, ROUNDS = 60, ASSERTED_MS = 250 };

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static unsigned wanted(void)
{
    const char *text = getenv("IMWARD_PEOPLE");
    uint64_t n = 20000;

    if (text != NULL && !view_decimal(view_string(text), 1000000, &n))
        fail_msg("IMWARD_PEOPLE is no number");
    return (unsigned)n;
}

/* Each tenth leads the nine behind, and is led by the first of each hundred, who is led by the first of all.
 */
static void fill_people(struct database *d, unsigned people)
{
    struct db_bulk *b;

    good(d, db_begin(d->db, true, &d->err));
    for (unsigned i = 0; i < DEPARTMENTS; i++) {
        char name[32];
        snprintf(name, sizeof name, "Department %03u", i);
        good(d, db_run(d->db, "insert into department (name) values (?)", DB_ARGS(db_text(name)), NULL,
                       &d->err));
    }
    good(d, db_bulk_begin(
                d->db, "person",
                "id, pseudonym, number, name, department, manager, source, state, joined_us, changed_us", 10,
                &b, &d->err));
    for (unsigned i = 1; i <= people; i++) {
        char pseudonym[16], name[48], number[16];
        const unsigned first = (i - 1) / 100 * 100 + 1, tenth = (i - 1) / 10 * 10 + 1,
                       lead = i == 1       ? 0
                              : i == first ? 1
                              : i == tenth ? first
                                           : tenth;
        snprintf(pseudonym, sizeof pseudonym, "P-%06u", i);
        snprintf(name, sizeof name, "Person Number %u of All", i);
        snprintf(number, sizeof number, "%u", i);
        good(d, db_bulk_row(b,
                            (const struct db_value[]){ db_int(i), db_text(pseudonym), db_text(number),
                                                       db_text(name), db_int(i / 500 % DEPARTMENTS + 1),
                                                       lead != 0 ? db_int(lead) : db_null(), db_text("hand"),
                                                       db_text("active"), db_int(0), db_int(0) },
                            &d->err));
    }
    good(d, db_bulk_end(b, &d->err));
    good(d, team_rebuild(d->db, &d->err));
    good(d, person_text_keep(d->db, 0, &d->err));
    good(d, db_commit(d->db, &d->err));
}

/* Three of five have a certificate, some of which end soon. */
static void fill_certificates(struct database *d, int64_t course)
{
    const struct db_value c = db_int(course), now = db_int((int64_t)cases_now),
                          day = db_int((int64_t)DAY_OF_US);

    good(d, db_begin(d->db, true, &d->err));
    good(d,
         db_run(
             d->db,
             "insert into training_attempt (person, course, version, state, started_us, ended_us, asked, "
             "answers, score, total) select p.id, ?, v.id, 'passed', ? - (p.id % 300) * ?, ?, '[]', '[]', 8, "
             "8 from person p join course_version v on v.course = ? and v.state = 'published' where p.id % 5 "
             "< 3",
             DB_ARGS(c, now, day, now, c), NULL, &d->err));
    good(d,
         db_run(
             d->db,
             "insert into training_certificate (number, person, course, version, attempt, first, issued_us, "
             "valid_until_us, score, total, document, hash) select 'IM-' || t.id, t.person, t.course, "
             "t.version, t.id, 1, t.started_us, t.started_us + 365 * ?, 8, 8, '{}', '' from training_attempt "
             "t where t.course = ?",
             DB_ARGS(day, c), NULL, &d->err));
    good(d, db_commit(d->db, &d->err));
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void tell(const struct database *d, const char *what, double *ms, unsigned count)
{
    qsort(ms, count, sizeof *ms, by_size);
    const double p95 = ms[count * 95 / 100];
    print_message("%-10s %-44s median %6.2f ms, 95 %% %6.2f ms, most %6.2f ms\n",
                  d->kind == DB_SQLITE ? "SQLite" : "PostgreSQL", what, ms[count / 2], p95, ms[count - 1]);
    if (p95 > (strcmp(what, "part of a name") == 0 ? 8 * ASSERTED_MS : ASSERTED_MS)) /* looks at all names */
        fail_msg("%s takes %.1f ms", what, p95);
}

/* As the dispatcher does it: a transaction to read around each. */
#define TIMED(what, call)                                                                                    \
    do {                                                                                                     \
        double ms[ROUNDS];                                                                                   \
        for (unsigned i = 0; i < ROUNDS; i++) {                                                              \
            json_t *out = NULL;                                                                              \
            const double begun = now_ms();                                                                   \
            good(d, db_begin(d->db, false, &d->err));                                                        \
            good(d, call);                                                                                   \
            char *text = json_dumps(out, JSON_COMPACT);                                                      \
            db_rollback(d->db);                                                                              \
            ms[i] = now_ms() - begun;                                                                        \
            assert_non_null(text);                                                                           \
            free(text);                                                                                      \
            json_decref(out);                                                                                \
        }                                                                                                    \
        tell(d, what, ms, ROUNDS);                                                                           \
    } while (0)

static void test_very_many_people(struct database *d)
{
    const unsigned people = wanted();
    struct actor compliance = actor_of(add_account(d, "cora", "compliance", 0), "cora", "compliance"),
                 manager, learner;
    struct act a = act_by(d, &compliance), m, l;
    struct training_counts n;
    unsigned rounds = 0, seed = 7;
    double from, longest = 0;
    char cursor[64], department[16];

    fill_people(d, people);
    const int64_t course = add_course(d, &a, "Safe chats", 40, "{'rules':{'asked':8,'must_read':false}}");
    fill_certificates(d, course);
    const int64_t other = add_course(d, &a, "Another", 12, "{'rules':{'asked':8}}");
    for (unsigned i = 0; i < 2; i++) {
        json_t *body = json_pack("{sI si sb}", "course", (json_int_t)(i == 0 ? course : other), "due_days", 0,
                                 "after_incident", 1);
        int64_t id;
        struct act *act = &a;
        good(d, DO(d, act, assignment_begin(act, body, &id, &d->err)));
        json_decref(body);
    }
    a.now_us += 1000000;
    from = now_ms();
    uint64_t assigned = 0, overdue = 0;
    do {
        const double at = now_ms();
        good(d, training_run(d->db, a.now_us, &n, &d->err));
        assigned += n.assigned;
        overdue += n.overdue;
        longest = now_ms() - at > longest ? now_ms() - at : longest;
        rounds++;
    } while (n.assigned + n.overdue + n.renewed > 0);
    print_message(
        "%-10s %u people assigned two courses in %.1f s, %u runs of the clerk, the longest %.0f ms\n",
        d->kind == DB_SQLITE ? "SQLite" : "PostgreSQL", people, (now_ms() - from) / 1e3, rounds, longest);
    assert_int_equal(assigned, 2 * (uint64_t)people);
    assert_true(overdue > people);
    if (d->kind == DB_POSTGRES)
        good(d, db_script(d->db, "analyze", &d->err));
    from = now_ms();
    good(d, training_run(d->db, a.now_us, &n, &d->err));
    print_message("%-10s a run of the clerk with %llu reminders and nothing else: %.0f ms\n",
                  d->kind == DB_SQLITE ? "SQLite" : "PostgreSQL", (unsigned long long)n.reminded,
                  now_ms() - from);

    TIMED("overview", training_overview(&a, 0, &out, &d->err));
    TIMED("overview of one course", training_overview(&a, course, &out, &d->err));
    const struct training_filter late = { .state = "overdue", .limit = 100 };
    TIMED("overdue, first page", training_people(&a, &late, &out, &d->err));
    TIMED("overdue, some page of a course",
          (snprintf(cursor, sizeof cursor, "%lld.%lld.%u", (long long)cases_now, (long long)course,
                    (unsigned)rand_r(&seed) % people),
           training_people(&a,
                           &(struct training_filter){
                               .course = course, .state = "overdue", .cursor = cursor, .limit = 100 },
                           &out, &d->err)));
    TIMED("overdue of a department",
          (snprintf(department, sizeof department, "%u", (unsigned)rand_r(&seed) % DEPARTMENTS + 1),
           training_people(
               &a, &(struct training_filter){ .state = "overdue", .department = department, .limit = 100 },
               &out, &d->err)));
    TIMED("all duties, some page",
          (snprintf(cursor, sizeof cursor, "%lld.%lld.%u", (long long)cases_now, (long long)course,
                    (unsigned)rand_r(&seed) % people),
           training_people(&a, &(struct training_filter){ .cursor = cursor, .limit = 100 }, &out, &d->err)));
    TIMED("all of a department, in any state",
          (snprintf(department, sizeof department, "%u", (unsigned)rand_r(&seed) % DEPARTMENTS + 1),
           training_people(&a, &(struct training_filter){ .department = department, .limit = 100 }, &out,
                           &d->err)));
    TIMED("part of a name",
          training_people(&a, &(struct training_filter){ .q = "number 4711", .limit = 100 }, &out, &d->err));
    TIMED("one person", training_person(&a, (int64_t)((unsigned)rand_r(&seed) % people) + 1, &out, &d->err));
    manager = actor_of(1, "m", "manager");
    m = a;
    m.actor = &manager;
    TIMED("team of a manager (99 people): overview",
          (manager.person = ((unsigned)rand_r(&seed) % (people / 100)) * 100 + 1,
           manager.person = manager.person == 1 ? 101 : manager.person,
           training_overview(&m, 0, &out, &d->err)));
    TIMED("team of a manager: overdue", training_people(&m, &late, &out, &d->err));
    learner = actor_of(1, "l", "employee");
    l = a;
    l.actor = &learner;
    TIMED("my training",
          (learner.person = (int64_t)((unsigned)rand_r(&seed) % people) + 1, learn_all(&l, &out, &d->err)));
    TIMED("my course", (learner.person = (int64_t)((unsigned)rand_r(&seed) % people) + 1,
                        learn_course(&l, course, &out, &d->err)));
    TIMED("effect", training_effect(&a, 0, &out, &d->err));
    TIMED("assignments", assignments_json(&a, &out, &d->err));
    from = now_ms();
    good(d, training_effect_count(d->db, a.now_us, &d->err));
    print_message("%-10s the effect counted anew in %.0f ms\n",
                  d->kind == DB_SQLITE ? "SQLite" : "PostgreSQL", now_ms() - from);
}

int main(void)
{
    const struct CMUnitTest tests[] = { ON_BOTH(test_very_many_people) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
