/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence packages: asked for by whom they may be, made whole, and no octet of one can change unseen. */
#include "program/evidence_make.h"
#include "program/evidence_verify.h"
#include "program/evidence_zip.h"
#include "program/mapping.h"
#include "store/database.h"
#include <fontconfig/fontconfig.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const uint8_t seed[32] = { 7 };
static const uint64_t now_us = UINT64_C(1795424400000000); /* 2026-11-23 */

static bool sign(void *context, struct view text, uint8_t out_signature[64], uint8_t out_key[32],
                 struct imw_error_info *err)
{
    uint8_t secret[64];

    (void)context;
    (void)err;
    crypto_sign_seed_keypair(out_key, secret, seed);
    crypto_sign_detached(out_signature, NULL, text.at, text.len, secret);
    return true;
}

static struct view public_key(void)
{
    static uint8_t key[32];
    uint8_t secret[64];

    crypto_sign_seed_keypair(key, secret, seed);
    return view_of(key, sizeof key);
}

static unsigned faults_of(struct view file, const char *part)
{
    static struct evidence_result r;
    unsigned found = 0;

    evidence_verify(file, public_key(), &r);
    for (unsigned i = 0; i < r.faults && i < EVIDENCE_FAULTS; i++)
        found += part == NULL || strstr(r.fault[i], part) != NULL;
    if (part == NULL && r.faults == 1)
        print_message("%s\n", r.fault[0]);
    evidence_result_fini(&r);
    return found;
}

static uint8_t *slurp(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "re");

    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *out_len = (size_t)ftell(file);
    rewind(file);
    uint8_t *at = malloc(*out_len);
    assert_int_equal(fread(at, 1, *out_len, file), *out_len);
    fclose(file);
    return at;
}

static int64_t ask(struct database *d, struct act *a, const char *parts)
{
    json_t *list = json_pack("[s]", parts);
    const struct evidence_wish w = { .prepared_for = "an examiner",
                                     .purpose = "a test",
                                     .from = "2026-01-01",
                                     .until = "2027-01-01",
                                     .parts = list };
    int64_t id = 0;

    assert_true(db_begin(d->db, true, &d->err));
    if (!evidence_ask(a, &w, &id, &d->err))
        fail_msg("%s", d->err.text);
    assert_true(db_commit(d->db, &d->err));
    json_decref(list);
    return id;
}

static void test_a_package_is_made_and_whole(struct database *d)
{
    const struct actor who = { .name = "clara" };
    struct act a = { .db = d->db, .actor = &who, .now_us = now_us };
    const struct evidence_maker m = { .folder = d->folder, .sign = sign, .now_us = now_us + 1 };
    struct evidence_order o;
    struct evidence_made made;
    char path[256], name[64];
    bool found = false;
    size_t len;

    const int64_t id = ask(d, &a, "changes");
    assert_true(evidence_next(d->db, &o, &found, &d->err));
    assert_true(found && o.id == id);
    assert_string_equal(o.parts, "changes");
    if (!evidence_make(d->db, &o, &m, &made, &d->err))
        fail_msg("%s", d->err.text);
    evidence_path(d->folder, id, path, sizeof path);
    uint8_t *at = slurp(path, &len);
    assert_int_equal(len, made.size);
    assert_int_equal(faults_of(view_of(at, len), NULL), 0);
    assert_true(db_begin(d->db, true, &d->err));
    assert_false(evidence_take(&a, id, name, &d->err)); /* it is not ready yet */
    assert_int_equal(a.problem, ACT_MISSING);
    assert_true(evidence_end(&a, id, &made, NULL, &d->err) && evidence_take(&a, id, name, &d->err));
    assert_string_equal(name, "evidence-1-2026-01-01-2027-01-01.zip");
    assert_true(evidence_remove(&a, id, &d->err));
    assert_false(evidence_take(&a, id, name, &d->err));
    assert_true(db_commit(d->db, &d->err));
    /* In a part, in a header, in the seal: some of each; test_no_octet_changes_unseen has them all. */
    for (size_t i = 0; i < len; i += 997) {
        at[i] ^= 0x10;
        assert_int_not_equal(faults_of(view_of(at, len), ""), 0);
        at[i] ^= 0x10;
    }
    free(at);
}

/* ---- a small one, octet by octet ---- */

static void add(struct zip_writer *w, const char *name, const char *text)
{
    FILE *file = tmpfile();
    struct imw_error_info err;

    assert_non_null(file);
    fputs(text, file);
    assert_true(zip_add(w, name, file, &err));
    fclose(file);
}

static void hash(const void *at, size_t len, char out[65])
{
    uint8_t digest[32];

    crypto_hash_sha256(digest, at, len);
    sodium_bin2hex(out, 65, digest, sizeof digest);
}

static void signature_of(const char *what, const char *sha256, uint8_t out[64])
{
    char text[EVIDENCE_SIGNED_SIZE];
    uint8_t key[32];

    evidence_signed_text(what, sha256, text);
    assert_true(sign(NULL, view_string(text), out, key, NULL));
}

static uint8_t *small_package(size_t *out_len)
{
    static const char trail[] =
        "{\"trail\":\"imward audit 1, a part\"}\n{\"end\":{\"records\":0,\"checkpoints\":0}}\n",
                      data[] = "part,name,value\r\nusage,flows,7\r\n";
    char path[] = "/tmp/imward-evidence-XXXXXX", manifest[1024], lines[256], one[128], two[64], sha256[65],
         trail_sha256[65];
    struct imw_error_info err;
    struct zip_writer *w;
    uint8_t signature[64];

    close(mkstemp(path));
    assert_true(zip_begin(path, &w, &err));
    add(w, "data/figures.csv", data);
    add(w, "audit/trail.ndjson", trail);
    hash(data, sizeof data - 1, sha256);
    hash(trail, sizeof trail - 1, trail_sha256);
    snprintf(
        manifest, sizeof manifest,
        "{\"evidence\":\"imward evidence package 1\",\"parts\":[{\"name\":\"data/figures.csv\",\"size\":%zu,"
        "\"sha256\":\"%s\"},{\"name\":\"audit/trail.ndjson\",\"size\":%zu,\"sha256\":\"%s\"}]}",
        sizeof data - 1, sha256, sizeof trail - 1, trail_sha256);
    add(w, "manifest.json", manifest);
    hash(manifest, strlen(manifest), sha256);
    signature_of("manifest", sha256, signature);
    sodium_bin2base64(one, sizeof one, signature, 64, sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(two, sizeof two, public_key().at, 32, sodium_base64_VARIANT_ORIGINAL);
    snprintf(lines, sizeof lines, "%s\n%s\n", one, two);
    add(w, "manifest.sig", lines);
    assert_true(zip_end(w, sha256, &err));
    signature_of("archive", sha256, signature);
    assert_true(zip_seal(path, signature, &err));
    uint8_t *at = slurp(path, out_len);
    unlink(path);
    return at;
}

static void test_no_octet_changes_unseen(void **state)
{
    static const uint8_t masks[] = { 0x01, 0x80, 0xff };
    unsigned undetected = 0;
    size_t len;
    uint8_t *at = small_package(&len);

    (void)state;
    assert_int_equal(faults_of(view_of(at, len), NULL), 0);
    for (size_t i = 0; i < len; i++)
        for (size_t k = 0; k < sizeof masks; k++) {
            at[i] ^= masks[k];
            undetected += faults_of(view_of(at, len), "") == 0;
            at[i] ^= masks[k];
        }
    assert_int_equal(undetected, 0);
    for (size_t cut = 0; cut < len; cut += 3) /* also when it is cut anywhere */
        assert_int_not_equal(faults_of(view_of(at, cut), ""), 0);
    free(at);
}

static void test_names_are_safe(void **state)
{
    static const char *const good[] = { "README.txt", "data/usage/services.csv", "a", "audit/trail.ndjson" },
                             *const bad[] = { "",     "/etc/passwd", "../x", "a/../b", "a/./b", "a//b",
                                              "a\\b", "A.csv",       "a/",   ".x",     "a b",   "x\x1b[1m" };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(evidence_name_is_safe(view_string(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(evidence_name_is_safe(view_string(bad[i])));
}

static void test_mapping_tables_say_which_line(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
    } wrong[] = {
        { "1\ta\t-\t-\t-\n", 1 },                            /* no title */
        { "# title: T\n1\ta\t-\t-\n", 2 },                   /* four fields */
        { "# title: T\n\n1\ta\t-\t-\t-\t-\n", 3 },           /* six */
        { "# title: T\n1\ta\t-\t-\t-\n-\ta\t-\t-\t-\n", 3 }, /* no section */
        { "# title: T\n1\ta\tDROP TABLE;\t-\t-\n", 2 },      /* no parts */
        { "# title: T\n1\t\xff\t-\t-\t-\n", 2 },             /* no UTF-8 */
        { "# title: T\n", 1 },                               /* no row */
    };
    struct mapping_table t;
    struct mapping *all = NULL;
    struct imw_error_info err;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        err = (struct imw_error_info){ 0 };
        assert_false(mapping_parse("own.tsv", view_string(wrong[i].text), &t, &err));
        mapping_table_fini(&t);
        assert_int_equal(err.line, wrong[i].line);
        assert_string_equal(err.file, "own.tsv");
    }
    assert_true(mapping_parse("own.tsv", view_string("# title: T\n1\ta\tusage audit\tb\t-\r\n"), &t, &err));
    assert_int_equal(t.count, 1);
    assert_string_equal(t.rows[0].not_covered, "");
    mapping_table_fini(&t);
    assert_true(mapping_read(NULL, &all, &err));
    assert_int_equal(all->count, 7);
    mapping_free(all);
}

/* What the libraries keep for themselves goes, so that a leak of ours is seen. */
static int end(void **state)
{
    (void)state;
    FcFini();
    return 0;
}

/* Each of our tables says where the rule itself can be read, has each section once, and something of each. */
static void test_our_mapping_tables_have_sources(void **state)
{
    struct imw_error_info err = { 0 };
    struct mapping *m;

    (void)state;
    assert_true(mapping_read(NULL, &m, &err));
    assert_int_equal(m->count, 7);
    for (unsigned i = 0; i < m->count; i++) {
        const struct mapping_table *t = &m->tables[i];
        const char *address = strstr(t->source, "https://");
        assert_non_null(address);
        assert_true(strcspn(address, " ;") > strlen("https://www."));
        assert_true(t->count > 0);
        for (unsigned k = 0; k < t->count; k++) {
            const struct mapping_row *row = &t->rows[k];
            assert_true(row->section[0] != '\0' && row->asks[0] != '\0');
            assert_true((row->parts[0] != '\0' && row->shows[0] != '\0') || row->not_covered[0] != '\0');
            for (unsigned j = 0; j < k; j++)
                assert_true(strcmp(t->rows[j].section, row->section) != 0 ||
                            strcmp(t->rows[j].asks, row->asks) != 0);
        }
    }
    mapping_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_a_package_is_made_and_whole),
        cmocka_unit_test(test_no_octet_changes_unseen),
        cmocka_unit_test(test_names_are_safe),
        cmocka_unit_test(test_mapping_tables_say_which_line),
        cmocka_unit_test(test_our_mapping_tables_have_sources),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, end);
}
