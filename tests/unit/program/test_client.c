/* SPDX-License-Identifier: Apache-2.0 */
/* The patch program on both databases: the wire and inventories against advisories, deadlines, excuses; what
 * scanners did. */
#include "base/file.h"
#include "identify/catalog.h"
#include "program/cases.h"
#include "program/client.h"
#include "program/setting.h"
#include "program/when.h"
#include <regex.h>
#include <stdlib.h>

static const uint64_t day_us = UINT64_C(86400000000);
static const uint8_t no_hash[32] = { 0 };

struct world {
    struct catalog *catalog;
    int64_t anna;
    struct actor engineer, compliance, owner, examiner, anna_engineer;
};

static struct world make(struct database *d)
{
    struct world w = { .anna = add_person(d, "P-ANNA") };

    good(d, catalog_builtin(&w.catalog, &d->err));
    w.engineer = actor_of(add_account(d, "eve", "engineer", 0), "eve", "engineer");
    w.compliance = actor_of(add_account(d, "carl", "compliance", 0), "carl", "compliance");
    w.owner = actor_of(add_account(d, "olga", "engineer", 0), "olga", "engineer");
    w.examiner = actor_of(add_account(d, "exa", "examiner", 0), "exa", "examiner");
    w.anna_engineer = actor_of(add_account(d, "anna", "compliance", w.anna), "anna", "compliance");
    w.anna_engineer.person = w.anna;
    good(d,
         db_run(d->db,
                "insert into person_alias (kind, value, person, source, from_us) values ('user', 'anna', ?, "
                "'csv', 0)",
                DB_ARGS(db_int(w.anna)), NULL, &d->err));
    return w;
}

static struct client_counts sweep(struct database *d, struct world *w, uint64_t now_us)
{
    struct client_counts n;

    do
        good(d, clients_sweep(d->db, w->catalog, now_us, &n, &d->err));
    while (n.more);
    return n;
}

static json_t *bring(struct database *d, const struct actor *who, const char *text, bool whole,
                     uint64_t now_us)
{
    struct act a = act_by(d, who);
    struct inventory v;
    json_t *out = NULL;

    a.now_us = now_us;
    good(d, inventory_parse(view_string(text), NULL, &v, &d->err));
    good(d, DO(d, &a,
               client_inventory(&a, &v, "list.csv", whole, view_of(no_hash, sizeof no_hash), &out, &d->err)));
    inventory_free(&v);
    return out;
}

static int64_t number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static int64_t in_state(struct database *d, const char *product, const char *state)
{
    int64_t n = -1;

    good(d, db_query_int(d->db, "select count(*) from client_install where product = ? and state = ?",
                         DB_ARGS(db_text(product), db_text(state)), &n, NULL, &d->err));
    return n;
}

static int64_t one_install(struct database *d, const char *product)
{
    int64_t id = 0;

    good(d, db_query_int(d->db, "select max(id) from client_install where product = ?",
                         DB_ARGS(db_text(product)), &id, NULL, &d->err));
    return id;
}

#define FLOW(time, address, more)                                                                             \
    "{\"timestamp\":\"" time "\",\"event_type\":\"flow\",\"flow_id\":5,\"src_ip\":\"" address                 \
    "\",\"src_port\":1,\"dest_ip\":\"192.0.2.9\",\"dest_port\":6667,\"proto\":\"TCP\",\"src_who\":{\"user\":" \
    "\"anna\"},\"im\":{\"service\":\"irc\",\"protocol\":\"irc\"," more "}}\n"

static void test_the_wire_is_judged(struct database *d)
{
    struct world w = make(d);
    struct act a = act_by(d, &w.engineer);
    struct client_filter f = { .product = "irssi" };
    json_t *page = NULL;

    store_lines(d,
                FLOW("2026-11-24T08:00:00Z", "10.0.0.1", "\"client\":\"irssi v1.2.1 - running on Linux\"")
                    FLOW("2026-11-24T08:00:05Z", "10.0.0.1", "\"client\":\"irssi v1.2.1 - running on Linux\"")
                        FLOW("2026-11-24T08:00:07Z", "10.0.0.2", "\"client\":\"something of ours\"")
                            FLOW("2026-11-24T08:00:08Z", "10.0.0.3",
                                 "\"evidence\":[{\"kind\":\"http-agent\",\"value\":\"WhatsApp/2.22.10.1 "
                                 "A\",\"catalog\":\"whatsapp\",\"worth\":90}]"));
    assert_int_equal(database_number(d, "select count(*) from client_seen"), 3);
    assert_int_equal(database_number(d, "select sum(events) from client_seen"), 4);
    sweep(d, &w, cases_now);
    assert_int_equal(in_state(d, "irssi", "old"), 1);
    assert_int_equal(in_state(d, "whatsapp-android", "old"), 1);
    assert_int_equal(database_number(d, "select count(*) from client_install"), 2);

    /* critical: 14 days, from when it became known */
    good(d, db_begin(d->db, false, &d->err));
    good(d, client_installs(&a, &f, &page, &d->err));
    db_rollback(d->db);
    const json_t *one = json_array_get(json_object_get(page, "installs"), 0);
    assert_string_equal(json_string_value(json_object_get(one, "advisory")), "CVE-2019-15717");
    assert_string_equal(json_string_value(json_object_get(one, "severity")), "critical");
    assert_string_equal(json_string_value(json_object_get(one, "safe")), "1.2.2");
    assert_string_equal(json_string_value(json_object_get(one, "due")), "2026-12-09T09:46:40.000000Z");
    assert_string_equal(json_string_value(json_object_get(one, "label")), "P-ANNA");
    assert_string_equal(json_string_value(json_object_get(one, "address")), "10.0.0.1");
    json_decref(page);
    /* whoever is no engineer sees no address */
    a = act_by(d, &w.examiner);
    good(d, db_begin(d->db, false, &d->err));
    good(d, client_installs(&a, &f, &page, &d->err));
    db_rollback(d->db);
    one = json_array_get(json_object_get(page, "installs"), 0);
    assert_true(json_is_null(json_object_get(one, "address")));
    assert_true(json_is_null(json_object_get(one, "machine")));
    json_decref(page);

    /* a newer one at the same client replaces it; the sweep may come again and again */
    store_lines(d,
                FLOW("2026-11-24T09:00:00Z", "10.0.0.1", "\"client\":\"irssi v1.4.5 - running on Linux\""));
    sweep(d, &w, cases_now + 60000000);
    sweep(d, &w, cases_now + 2 * UINT64_C(3600000000));
    assert_int_equal(in_state(d, "irssi", "replaced"), 1);
    assert_int_equal(in_state(d, "irssi", "safe"), 1);
    /* what is not seen for long is gone */
    sweep(d, &w, cases_now + 40 * day_us);
    assert_int_equal(in_state(d, "irssi", "gone"), 1);
    assert_int_equal(database_number(d, "select coalesce(sum(clients), 0) from client_product"), 0);
    catalog_close(w.catalog);
}

static void test_inventories_are_judged(struct database *d)
{
    static const char csv[] =
        "host,user,name,version\nD1,anna,Pidgin,2.10.12\nD2,,Pidgin,2.14.12\nD3,,Gajim,\n";
    struct world w = make(d);
    struct act a = act_by(d, &w.compliance);
    json_t *out, *summary = NULL;

    sweep(d, &w, cases_now);
    out = bring(d, &w.engineer, csv, false, cases_now);
    assert_int_equal(number(out, "taken"), 3);
    assert_int_equal(number(out, "machines"), 3);
    json_decref(out);
    assert_int_equal(in_state(d, "pidgin", "old"), 1);
    assert_int_equal(in_state(d, "pidgin", "safe"), 1);
    assert_int_equal(in_state(d, "gajim", "unknown"), 1);
    assert_int_equal(database_number(d, "select person from client_install where machine = 'd1'"), w.anna);
    assert_int_equal(audit_count(d, "clients.inventory"), 1);

    /* all of D2: its Pidgin went; D1 is not told of, and stays */
    out = bring(d, &w.engineer, "host,name,version\nD2,Gajim,1.8.0\n", true, cases_now);
    assert_int_equal(number(out, "gone"), 1);
    json_decref(out);
    assert_int_equal(in_state(d, "pidgin", "gone"), 1);
    assert_int_equal(in_state(d, "pidgin", "old"), 1);

    /* time passes */
    sweep(d, &w, cases_now + 20 * day_us);
    a.now_us = cases_now + 20 * day_us;
    good(d, db_begin(d->db, false, &d->err));
    good(d, client_summary(&a, &summary, &d->err));
    db_rollback(d->db);
    assert_int_equal(number(json_object_get(summary, "counts"), "overdue"), 1);
    assert_int_equal(number(summary, "no_owner"), 1);
    json_decref(summary);
    catalog_close(w.catalog);
}

static char *fixture(struct database *d, const char *name, size_t *len)
{
    char path[512], *text = NULL;

    snprintf(path, sizeof path, "%s/tests/fixtures/inventory/%s", getenv("SOURCE_ROOT"), name);
    good(d, file_read(path, 1 << 20, &text, len, &d->err));
    return text;
}

static void test_packages_wait_for_their_distribution(struct database *d)
{
    static const char json[] = "[{\"host\":\"a\",\"package\":\"pidgin\",\"version\":\"2.14.1-1\"},"
                               "{\"host\":\"b\",\"package\":\"pidgin\",\"version\":\"2.14.1-1+deb11u1\"},"
                               "{\"host\":\"c\",\"package\":\"pidgin\",\"version\":\"2.14.12-1\"}]";
    struct world w = make(d);
    struct act a = act_by(d, &w.engineer);
    struct advisory_file f;
    json_t *out;
    size_t len;

    sweep(d, &w, cases_now);
    json_decref(bring(d, &w.engineer, json, false, cases_now));
    assert_int_equal(in_state(d, "pidgin", "check"), 2);
    assert_int_equal(in_state(d, "pidgin", "safe"), 1);
    char *text = fixture(d, "osv.json", &len);
    good(d, advisory_file_parse(view_of(text, len), &f, &d->err));
    free(text);
    good(d,
         DO(d, &a, client_advisories(&a, &f, "osv.json", view_of(no_hash, sizeof no_hash), &out, &d->err)));
    advisory_file_free(&f);
    assert_int_equal(number(out, "taken"), 2);
    json_decref(out);
    assert_int_equal(in_state(d, "pidgin", "old"), 1);
    assert_int_equal(in_state(d, "pidgin", "safe"), 2);
    /* again: nothing doubles */
    const int64_t ranges = database_number(d, "select count(*) from client_range");
    text = fixture(d, "osv.json", &len);
    good(d, advisory_file_parse(view_of(text, len), &f, &d->err));
    free(text);
    good(d,
         DO(d, &a, client_advisories(&a, &f, "osv.json", view_of(no_hash, sizeof no_hash), &out, &d->err)));
    advisory_file_free(&f);
    json_decref(out);
    assert_int_equal(database_number(d, "select count(*) from client_range"), ranges);
    catalog_close(w.catalog);
}

static const struct {
    const char *ident, *product, *introduced, *fixed, *last, *severity, *published, *source, *title;
} listed[] = {
#define A(ident, product, introduced, fixed, last, severity, published, source, title)                       \
    { ident, product, introduced, fixed, last, severity, published, source, title },
#include "program/client_advisories.def"
#undef A
};

static bool fits(const char *pattern, const char *text)
{
    regex_t r;

    assert_int_equal(regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB), 0);
    const bool is = regexec(&r, text, 0, NULL, 0) == 0;
    regfree(&r);
    return is;
}

static void test_each_advisory_has_a_source(struct database *d)
{
    (void)d;
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++) {
        const char *const versions[] = { listed[i].introduced, listed[i].fixed, listed[i].last };
        uint64_t day = 0;
        assert_true(fits("^CVE-(199[89]|20[0-9]{2})-[0-9]{4,7}$", listed[i].ident));
        assert_true(fits("^https://[a-z0-9.-]+\\.[a-z]+(/[^ ]*)?$", listed[i].source));
        assert_non_null(client_product_find(view_string(listed[i].product)));
        assert_true(severity_find(listed[i].severity) >= 0);
        assert_true(when_read(listed[i].published, &day) && day > 0);
        assert_true(listed[i].title[0] != '\0' && listed[i].title[strlen(listed[i].title) - 1] != '.');
        /* an end, and one only; in order */
        assert_true((listed[i].fixed[0] != '\0') != (listed[i].last[0] != '\0'));
        for (unsigned k = 0; k < 3; k++)
            assert_true(versions[k][0] == '\0' ||
                        fits("^[0-9]+(\\.[0-9]+)*(-(alpha|beta|rc)\\.[0-9]+)?$", versions[k]));
        assert_true(
            version_compare(VERSION_PLAIN, view_string(listed[i].introduced),
                            view_string(listed[i].fixed[0] != '\0' ? listed[i].fixed : listed[i].last)) <= 0);
        /* one number says one thing, and each range once */
        for (size_t k = 0; k < i; k++) {
            if (strcmp(listed[k].ident, listed[i].ident) != 0)
                continue;
            assert_string_equal(listed[k].title, listed[i].title);
            assert_string_equal(listed[k].severity, listed[i].severity);
            assert_string_equal(listed[k].published, listed[i].published);
            assert_string_equal(listed[k].source, listed[i].source);
            assert_true(strcmp(listed[k].product, listed[i].product) != 0 ||
                        strcmp(listed[k].introduced, listed[i].introduced) != 0);
        }
    }
}

static json_t *advisory(struct database *d, struct world *w, const char *ident)
{
    struct act a = act_by(d, &w->examiner);
    json_t *page = NULL;

    good(d, db_begin(d->db, false, &d->err));
    good(d, client_advisory_page(&a, ident, 0, 10, &page, &d->err));
    db_rollback(d->db);
    assert_int_equal(json_array_size(json_object_get(page, "advisories")), 1);
    json_t *one = json_incref(json_array_get(json_object_get(page, "advisories"), 0));
    json_decref(page);
    return one;
}

/* The catalog and the list tell of the same things: each range is there once, with both, and neither says
 * another version. */
static void test_a_range_is_listed_once(struct database *d)
{
    struct world w = make(d);
    const json_t *range;
    unsigned both = 0;
    size_t i;

    sweep(d, &w, cases_now);
    json_t *one = advisory(d, &w, "CVE-2025-55179");
    assert_string_equal(json_string_value(json_object_get(one, "url")),
                        "https://www.facebook.com/security/advisories/cve-2025-55179");
    assert_int_equal(json_array_size(json_object_get(one, "ranges")), 2);
    json_array_foreach(json_object_get(one, "ranges"), i, range)
    {
        const json_t *sources = json_object_get(range, "sources");
        const bool mac = strcmp(json_string_value(json_object_get(range, "product")), "whatsapp-mac") == 0;
        assert_int_equal(json_array_size(sources), mac ? 2 : 1);
        assert_string_equal(json_string_value(json_array_get(sources, 0)), "ours");
        both += json_array_size(sources) == 2;
    }
    assert_int_equal(both, 1);
    json_decref(one);
    assert_int_equal(
        database_number(d, "select count(*) from client_range r where r.source = 'catalog' and exists "
                           "(select 1 from client_range o where o.advisory = r.advisory and "
                           "o.product = r.product and o.source = 'ours') and not exists (select 1 "
                           "from client_range o where o.advisory = r.advisory and o.product = "
                           "r.product and o.source = 'ours' and o.fixed = r.fixed)"),
        0);
    /* a range of the catalog does not reach further than that of who knows where it begins */
    json_decref(bring(d, &w.engineer, "host,name,version\nD1,WhatsApp iOS,2.25.7.1\n", false, cases_now));
    one = advisory(d, &w, "CVE-2026-23866");
    assert_int_equal(number(one, "affected"), 0);
    json_decref(one);
    catalog_close(w.catalog);
}

static void test_somebody_else_excuses(struct database *d)
{
    static const char why[] = "the trading desk needs this version until the move";
    struct world w = make(d);
    struct act eve = act_by(d, &w.engineer), olga = act_by(d, &w.owner), anna = act_by(d, &w.anna_engineer);

    sweep(d, &w, cases_now);
    json_decref(bring(d, &w.engineer, "host,user,name,version\nD1,anna,Pidgin,2.10.12\n", false, cases_now));
    const int64_t id = one_install(d, "pidgin");
    good(d, DO(d, &eve, client_set_owner(&eve, "pidgin", w.owner.account, &d->err)));
    assert_false(DO(d, &eve, client_set_owner(&eve, "pidgin", w.examiner.account, &d->err)));
    assert_false(DO(d, &eve, client_set_owner(&eve, "no-such", 0, &d->err)));
    assert_int_equal(eve.problem, ACT_MISSING);

    assert_false(DO(d, &anna, client_excuse(&anna, id, why, "2026-12-31", &d->err)));
    assert_int_equal(anna.problem, ACT_FORBIDDEN); /* her own */
    assert_false(DO(d, &olga, client_excuse(&olga, id, why, "2026-12-31", &d->err)));
    assert_int_equal(olga.problem, ACT_FORBIDDEN); /* she sees to it */
    assert_false(DO(d, &eve, client_excuse(&eve, id, "no", "2026-12-31", &d->err)));
    assert_false(DO(d, &eve, client_excuse(&eve, id, why, "2020-12-31", &d->err)));
    assert_false(DO(d, &eve, client_excuse(&eve, id + 1000, why, "2026-12-31", &d->err)));
    assert_int_equal(eve.problem, ACT_MISSING);
    good(d, DO(d, &eve, client_excuse(&eve, id, why, "2026-12-31", &d->err)));
    assert_int_equal(in_state(d, "pidgin", "excused"), 1);
    good(d, DO(d, &eve, client_excuse_end(&eve, id, &d->err)));
    assert_int_equal(in_state(d, "pidgin", "old"), 1);
    assert_false(DO(d, &eve, client_excuse_end(&eve, id, &d->err)));
    assert_int_equal(eve.problem, ACT_LATE);
    good(d, DO(d, &eve, client_excuse(&eve, id, why, "2026-12-01", &d->err)));
    sweep(d, &w, cases_now + 10 * day_us);
    assert_int_equal(in_state(d, "pidgin", "old"), 1); /* its time is over */
    assert_int_equal(audit_count(d, "clients.excuse"), 2);
    catalog_close(w.catalog);
}

static void test_owners_are_reminded_once_a_week(struct database *d)
{
    struct world w = make(d);
    struct act eve = act_by(d, &w.engineer);

    good(d, db_run(d->db, "update account set email = 'o@bank.example'", DB_NONE, NULL, &d->err));
    good(d, setting_set(d->db, SETTING_ID_MAIL_HOST, "mail.bank.example", cases_now, &d->err));
    good(d, setting_set(d->db, SETTING_ID_MAIL_FROM, "imward@bank.example", cases_now, &d->err));
    good(d, setting_set(d->db, SETTING_ID_MAIL_ON, "1", cases_now, &d->err));
    sweep(d, &w, cases_now);
    json_decref(bring(d, &w.engineer, "host,name,version\nD1,Pidgin,2.10.12\n", false, cases_now));
    good(d, DO(d, &eve, client_set_owner(&eve, "pidgin", w.owner.account, &d->err)));
    sweep(d, &w, cases_now);
    assert_int_equal(database_number(d, "select count(*) from mail"), 0); /* 14 days are left */
    sweep(d, &w, cases_now + 8 * day_us);
    sweep(d, &w, cases_now + 8 * day_us + 60000000);
    assert_int_equal(database_number(d, "select count(*) from mail where kind = 'clients'"), 1);
    sweep(d, &w, cases_now + 15 * day_us);
    assert_int_equal(database_number(d, "select count(*) from mail where kind = 'clients'"), 2);
    catalog_close(w.catalog);
}

static void test_pages_go_on(struct database *d)
{
    struct world w = make(d);
    struct act a = act_by(d, &w.engineer);
    char csv[8000] = "host,name,version\n", cursor[64] = "";
    struct text t = { csv, strlen(csv), sizeof csv, false };
    unsigned seen = 0, pages = 0;

    for (unsigned i = 0; i < 25; i++)
        text_format(&t, "m%02u,Pidgin,%s\n", i, i % 2 == 0 ? "2.10.12" : "2.14.12");
    sweep(d, &w, cases_now);
    json_decref(bring(d, &w.engineer, csv, false, cases_now));
    do {
        struct client_filter f = { .product = "pidgin", .limit = 10, .cursor = cursor };
        json_t *page = NULL;
        good(d, db_begin(d->db, false, &d->err));
        good(d, client_installs(&a, &f, &page, &d->err));
        db_rollback(d->db);
        seen += (unsigned)json_array_size(json_object_get(page, "installs"));
        const char *next = json_string_value(json_object_get(page, "cursor"));
        snprintf(cursor, sizeof cursor, "%s", next != NULL ? next : "");
        json_decref(page);
        pages++;
    } while (cursor[0] != '\0' && pages < 10);
    assert_int_equal(seen, 25);
    assert_int_equal(pages, 3);
    catalog_close(w.catalog);
}

#define FILE_EVENT(time, scan)                                                                               \
    "{\"timestamp\":\"" time "\",\"event_type\":\"fileinfo\",\"src_ip\":\"10.0.0.1\",\"src_port\":1,"        \
    "\"dest_ip\":\"192.0.2.9\",\"dest_port\":2,\"proto\":\"TCP\",\"im\":{\"service\":\"irc\"},\"fileinfo\":" \
    "{\"filename\":\"a\",\"size\":1}" scan "}\n"

static void test_scanners_are_told_of(struct database *d)
{
    struct world w = make(d);
    struct act a = act_by(d, &w.compliance);
    json_t *out = NULL, *summary = NULL;

    store_lines(d, FILE_EVENT("2026-11-24T08:00:00Z",
                              ",\"scan\":{\"state\":\"clean\",\"engine\":\"ClamAV "
                              "1.4.3/27830\",\"signatures\":\"2026-11-20T08:00:00.000000+0000\"}")
                       FILE_EVENT("2026-11-24T08:00:01Z",
                                  ",\"scan\":{\"state\":\"infected\",\"engine\":\"ClamAV "
                                  "1.4.3/27830\",\"signatures\":\"2026-11-20T08:00:00.000000+0000\"}")
                           FILE_EVENT("2026-11-24T09:00:00Z",
                                      ",\"scan\":{\"state\":\"not-scanned\",\"reason\":\"the scanner did not "
                                      "answer\"}") FILE_EVENT("2026-11-24T09:01:00Z", ""));
    good(d, db_begin(d->db, false, &d->err));
    good(d, virus_program(&a, 30, &out, &d->err));
    good(d, virus_summary(&a, &summary, &d->err));
    db_rollback(d->db);
    const json_t *scanner = json_array_get(json_object_get(out, "scanners"), 0),
                 *totals = json_object_get(out, "totals");
    assert_string_equal(json_string_value(json_object_get(scanner, "engine")), "ClamAV 1.4.3/27830");
    assert_true(json_is_true(json_object_get(scanner, "old")));  /* more than 48 hours */
    assert_true(json_is_true(json_object_get(scanner, "away"))); /* it did not answer since */
    assert_int_equal(number(scanner, "files"), 2);
    assert_int_equal(number(totals, "files"), 4);
    assert_int_equal(number(totals, "clean"), 1);
    assert_int_equal(number(totals, "infected"), 1);
    assert_int_equal(number(totals, "not_scanned"), 1);
    assert_int_equal(number(totals, "not_looked_at"), 1);
    assert_int_equal(json_array_size(json_object_get(out, "reasons")), 2);
    assert_int_equal(number(summary, "not_scanned"), 2);
    assert_int_equal(number(summary, "old_signatures"), 1);
    json_decref(out);
    json_decref(summary);
    catalog_close(w.catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_the_wire_is_judged),
        ON_BOTH(test_inventories_are_judged),
        ON_BOTH(test_packages_wait_for_their_distribution),
        ON_BOTH(test_each_advisory_has_a_source),
        ON_BOTH(test_a_range_is_listed_once),
        ON_BOTH(test_somebody_else_excuses),
        ON_BOTH(test_owners_are_reminded_once_a_week),
        ON_BOTH(test_pages_go_on),
        ON_BOTH(test_scanners_are_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
