/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail: whatever is changed in it is found, in the database and in a file of it. */
#include "program/audit_record.h"
#include "store/database.h"
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WRITERS = 4, ACTS_EACH = 25 };
#define NOW UINT64_C(1790000000000000)

/* ---- a trail ---- */

struct signer {
    uint8_t key[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
};

static bool sign(void *context, struct view text, uint8_t out_signature[64], uint8_t out_key[32],
                 struct imw_error_info *err)
{
    const struct signer *s = context;

    (void)err;
    assert_true(view_starts(text, VIEW("imward audit checkpoint 1\n")));
    memcpy(out_key, s->key, 32);
    return crypto_sign_detached(out_signature, NULL, text.at, text.len, s->secret) == 0;
}

static struct signer signer_new(uint8_t seed)
{
    uint8_t bytes[crypto_sign_SEEDBYTES];
    struct signer s;

    memset(bytes, seed, sizeof bytes);
    crypto_sign_seed_keypair(s.key, s.secret, bytes);
    return s;
}

static bool act(struct db *db, unsigned i, struct imw_error_info *err)
{
    struct actor actor = { .name = "anna" };
    char object[40];
    json_t *detail = json_pack("{s:s,s:[i,f]}", "state", "Größe \"42\"\n", "list", (int)i, 0.1);

    snprintf(object, sizeof object, "incident %u", i);
    const bool ok = db_begin(db, true, err) &&
                    audit_add(db, &actor, i % 3 == 0 ? NULL : "10.1.2.3", "incident.close", object,
                              i % 2 == 0 ? detail : NULL, NOW + i, err) &&
                    db_commit(db, err);
    json_decref(detail);
    return ok;
}

static void fill(struct database *d, struct signer *s, unsigned from, unsigned records, unsigned each)
{
    for (unsigned i = from; i < from + records; i++) {
        good(d, act(d->db, i, &d->err));
        if ((i + 1) % each == 0)
            good(d, audit_checkpoint(d->db, sign, s, NOW + i, &d->err));
    }
}

static struct audit_result verify(struct database *d, const struct signer *s)
{
    struct audit_result r;

    good(d, audit_verify(d->db, s != NULL ? view_of(s->key, 32) : VIEW(""), &r, &d->err));
    return r;
}

#define assert_whole(d, s) assert_int_equal(verify(d, s).wrong_seq, 0)
#define assert_wrong(d, s) assert_int_not_equal(verify(d, s).wrong_seq, 0)

static void run(struct database *d, const char *sql)
{
    uint64_t changed = 0;

    good(d, db_begin(d->db, true, &d->err));
    good(d, db_run(d->db, sql, DB_NONE, &changed, &d->err));
    good(d, db_commit(d->db, &d->err));
    assert_int_not_equal(changed, 0);
}

/* ---- what is right is whole ---- */

static void test_a_trail_is_whole_and_says_how_much_is_signed(struct database *d)
{
    struct signer s = signer_new(1);

    assert_whole(d, NULL);
    fill(d, &s, 0, 25, 10);
    const struct audit_result r = verify(d, &s);
    assert_int_equal(r.wrong_seq, 0);
    assert_int_equal(r.records, 25);
    assert_int_equal(r.checkpoints, 2);
    assert_int_equal(r.unsigned_records, 5);
    assert_whole(d, NULL);
}

static void test_a_checkpoint_without_news_is_none(struct database *d)
{
    struct signer s = signer_new(1);

    good(d, audit_checkpoint(d->db, sign, &s, NOW, &d->err));
    fill(d, &s, 0, 2, 2);
    good(d, audit_checkpoint(d->db, sign, &s, NOW, &d->err));
    assert_int_equal(database_number(d, "select count(*) from audit_checkpoint"), 1);
}

static void test_an_act_that_is_rolled_back_leaves_no_record(struct database *d)
{
    const struct actor actor = { .name = "anna" };
    struct signer s = signer_new(1);

    fill(d, &s, 0, 3, 3);
    good(d, db_begin(d->db, true, &d->err));
    good(d, audit_add(d->db, &actor, NULL, "policy.publish", "policy 3", NULL, NOW, &d->err));
    db_rollback(d->db);
    fill(d, &s, 3, 3, 3);
    assert_whole(d, &s);
    assert_int_equal(database_number(d, "select count(*) from audit"), 6);
}

struct writer {
    struct db *db;
    bool ok;
};

static void *write_acts(void *context)
{
    struct writer *w = context;
    struct imw_error_info err = { 0 };

    w->ok = true;
    for (unsigned i = 0; i < ACTS_EACH; i++)
        w->ok = w->ok && act(w->db, i, &err);
    return NULL;
}

static void test_writers_at_once_never_take_the_same_number(struct database *d)
{
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];

    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i].db = database_connect(d);
        assert_int_equal(pthread_create(&threads[i], NULL, write_acts, &writers[i]), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        db_close(writers[i].db);
        assert_true(writers[i].ok);
    }
    assert_int_equal(database_number(d, "select max(seq) from audit"), WRITERS * ACTS_EACH);
    assert_whole(d, NULL);
}

static void test_records_are_listed_by_filter_newest_first(struct database *d)
{
    struct signer s = signer_new(1);
    json_t *list;

    fill(d, &s, 0, 10, 100);
    good(d, audit_list(d->db, "anna", "incident.close", NULL, NULL, 0, 4, &list, &d->err));
    assert_int_equal(json_array_size(json_object_get(list, "records")), 4);
    assert_int_equal(
        json_integer_value(json_object_get(json_array_get(json_object_get(list, "records"), 0), "seq")), 10);
    assert_string_equal(json_string_value(json_object_get(list, "cursor")), "7");
    json_decref(list);
    good(d, audit_list(d->db, NULL, NULL, "incident 3", NULL, 0, 4, &list, &d->err));
    assert_int_equal(json_array_size(json_object_get(list, "records")), 1);
    json_decref(list);
    good(d, audit_list(d->db, NULL, NULL, NULL, "INCIDENT 7", 0, 50, &list, &d->err));
    assert_int_equal(json_array_size(json_object_get(list, "records")), 1);
    json_decref(list);
    good(d, audit_list(d->db, NULL, NULL, NULL, "%", 0, 50, &list, &d->err)); /* stands for itself */
    assert_int_equal(json_array_size(json_object_get(list, "records")), 0);
    json_decref(list);
    good(d, audit_state(d->db, &list, &d->err));
    assert_int_equal(json_integer_value(json_object_get(list, "unsigned")), 10);
    json_decref(list);
}

/* ---- what was changed is found, in the database ---- */

/* Change one octet after the other of a column of one row, and back. */
static unsigned flip_column(struct database *d, const struct signer *s, const char *table, const char *column,
                            bool blob, int64_t seq)
{
    char get[160], set[160];
    struct db_rows *rows;
    uint8_t bytes[4096];
    size_t len;
    unsigned found = 0;

    snprintf(get, sizeof get, "select %s from %s where seq = ?", column, table);
    snprintf(set, sizeof set, "update %s set %s = ? where seq = ?", table, column);
    good(d, db_query(d->db, get, DB_ARGS(db_int(seq)), &rows, &d->err));
    assert_true(db_next(rows, &d->err));
    const struct view v = blob ? db_get_blob(rows, 0) : db_get_text(rows, 0);
    assert_true(v.len > 0 && v.len < sizeof bytes);
    len = v.len;
    memcpy(bytes, v.at, len);
    db_rows_end(rows);
    for (size_t i = 0; i < len; i++) {
        const uint8_t was = bytes[i];
        if (!blob && was >= 0x80)
            continue; /* text must stay UTF-8, or the database refuses it */
        bytes[i] = (uint8_t)(blob ? was ^ 1u << i % 8 : was == 'x' ? 'y' : 'x');
        for (unsigned back = 0; back < 2; back++) {
            const struct view now = view_of(bytes, len);
            good(d, db_begin(d->db, true, &d->err));
            good(d,
                 db_run(d->db, set, DB_ARGS(blob ? db_blob(now) : db_view(now), db_int(seq)), NULL, &d->err));
            good(d, db_commit(d->db, &d->err));
            if (back == 0) {
                assert_wrong(d, s);
                found++;
            }
            bytes[i] = was;
        }
    }
    assert_whole(d, s);
    return found;
}

static void test_every_octet_of_every_column_counts(struct database *d)
{
    static const char *const texts[] = { "actor", "act", "object", "record" };
    struct signer s = signer_new(1);
    unsigned found = 0;

    fill(d, &s, 0, 12, 5);
    for (int64_t seq = 5; seq <= 12; seq += 7) { /* a signed one, and one that is not yet */
        for (unsigned i = 0; i < 4; i++)
            found += flip_column(d, &s, "audit", texts[i], false, seq);
        found += flip_column(d, &s, "audit", "hash", true, seq);
    }
    found += flip_column(d, &s, "audit_checkpoint", "hash", true, 5);
    found += flip_column(d, &s, "audit_checkpoint", "key", true, 10);
    found += flip_column(d, &s, "audit_checkpoint", "signature", true, 10);
    assert_true(found > 500);
}

static void test_numbers_and_times_count(struct database *d)
{
    static const char *const changes[][2] = {
        { "update audit set time_us = time_us + 1 where seq = 4",
          "update audit set time_us = time_us - 1 where seq = 4" },
        { "update audit set seq = 99 where seq = 12", "update audit set seq = 12 where seq = 99" },
        { "update audit set seq = -4 where seq = 4", "update audit set seq = 4 where seq = -4" },
        { "update audit_checkpoint set time_us = time_us + 1 where seq = 5",
          "update audit_checkpoint set time_us = time_us - 1 where seq = 5" },
        { "update audit_checkpoint set seq = 6 where seq = 5",
          "update audit_checkpoint set seq = 5 where seq = 6" },
        { "update audit_checkpoint set seq = 40 where seq = 10",
          "update audit_checkpoint set seq = 10 where seq = 40" },
    };
    struct signer s = signer_new(1);

    fill(d, &s, 0, 12, 5);
    for (unsigned i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        run(d, changes[i][0]);
        assert_wrong(d, &s);
        run(d, changes[i][1]);
        assert_whole(d, &s);
    }
}

static void test_records_that_are_missing_are_missed(struct database *d)
{
    struct signer s = signer_new(1);

    fill(d, &s, 0, 20, 10);
    run(d, "delete from audit where seq = 20"); /* a checkpoint has it */
    assert_wrong(d, &s);
    run(d, "delete from audit where seq > 10");
    assert_wrong(d, &s);
    run(d, "delete from audit_checkpoint where seq > 10"); /* an older copy: nothing in it can say */
    assert_whole(d, &s);
    run(d, "delete from audit where seq = 3");
    assert_wrong(d, &s);
    run(d, "delete from audit where seq < 4");
    assert_wrong(d, &s);
}

static void test_the_beginning_may_go_only_where_a_record_says_so(struct database *d)
{
    struct signer s = signer_new(1);
    uint64_t removed;

    fill(d, &s, 0, 20, 5);
    good(d, db_begin(d->db, true, &d->err));
    good(d, audit_expire(d->db, NOW + 12, NOW + 30, &removed, &d->err));
    good(d, db_commit(d->db, &d->err));
    assert_int_equal(removed, 10); /* up to the checkpoint before */
    assert_whole(d, &s);
    assert_int_equal(verify(d, &s).records, 11);
    run(d, "delete from audit where seq <= 15");
    run(d, "delete from audit_checkpoint where seq < 15");
    assert_wrong(d, &s);
}

static void test_all_that_was_removed_long_ago_is_no_gap(struct database *d)
{
    struct signer s = signer_new(1);
    uint64_t removed;

    fill(d, &s, 0, 10, 5);
    good(d, db_begin(d->db, true, &d->err));
    good(d, audit_expire(d->db, NOW + 100, NOW + 100, &removed, &d->err));
    good(d, db_commit(d->db, &d->err));
    assert_int_equal(removed, 10);
    fill(d, &s, 11, 9, 5);
    assert_whole(d, &s);
}

/* ---- a forger with the database, without the key ---- */

static void rechain(struct database *d, int64_t from, struct signer *with)
{
    uint8_t before[AUDIT_HASH_LEN] = { 0 };
    struct db_rows *rows;
    int64_t last = database_number(d, "select max(seq) from audit");

    good(d, db_begin(d->db, true, &d->err));
    for (int64_t seq = 1; seq <= last; seq++) {
        uint8_t hash[AUDIT_HASH_LEN];
        good(d, db_query(d->db, "select record, hash from audit where seq = ?", DB_ARGS(db_int(seq)), &rows,
                         &d->err));
        assert_true(db_next(rows, &d->err));
        audit_hash(before, db_get_text(rows, 0), hash);
        db_rows_end(rows);
        memcpy(before, hash, sizeof hash);
        if (seq < from)
            continue;
        good(d, db_run(d->db, "update audit set hash = ? where seq = ?",
                       DB_ARGS(db_blob(view_of(hash, sizeof hash)), db_int(seq)), NULL, &d->err));
        good(d, db_run(d->db, "update audit_checkpoint set hash = ? where seq = ?",
                       DB_ARGS(db_blob(view_of(hash, sizeof hash)), db_int(seq)), NULL, &d->err));
        if (with != NULL) {
            char text[AUDIT_SIGNED_SIZE];
            uint8_t signature[64];
            audit_signed_text(seq, NOW, hash, text);
            crypto_sign_detached(signature, NULL, (const uint8_t *)text, strlen(text), with->secret);
            good(d, db_run(d->db,
                           "update audit_checkpoint set time_us = ?, key = ?, signature = ? where seq = ?",
                           DB_ARGS(db_int(NOW), db_blob(view_of(with->key, 32)),
                                   db_blob(view_of(signature, 64)), db_int(seq)),
                           NULL, &d->err));
        }
    }
    good(d, db_commit(d->db, &d->err));
}

static void test_a_chain_that_was_made_anew_lacks_the_signature(struct database *d)
{
    struct signer s = signer_new(1), forger = signer_new(2);

    fill(d, &s, 0, 15, 5);
    run(d,
        "update audit set record = replace(record, 'incident 3', 'incident 4'), object = 'incident 4' where seq = 4");
    assert_wrong(d, &s);
    rechain(d, 1, NULL);
    assert_wrong(d, &s);
    assert_wrong(d, NULL);
    rechain(d, 1, &forger); /* all of it, by a key of his own: told by who knows the right one only */
    assert_wrong(d, &s);
    assert_whole(d, NULL);
}

static void test_a_forger_cannot_sign_part_of_it_by_a_key_of_his_own(struct database *d)
{
    struct signer s = signer_new(1), forger = signer_new(2);

    fill(d, &s, 0, 15, 5);
    run(d, "update audit set record = replace(record, 'incident 12', 'incident 13'), object = 'incident 13' "
           "where seq = 13");
    rechain(d, 13, &forger);
    assert_wrong(d, NULL);
}

/* ---- the file ---- */

struct file {
    char *bytes;
    size_t len;
};

static struct file export(struct database *d)
{
    struct file f = { 0 };
    FILE *to = open_memstream(&f.bytes, &f.len);

    good(d, audit_export(d->db, to, &d->err));
    fclose(to);
    return f;
}

static uint64_t verify_bytes(const char *bytes, size_t len, const struct signer *s)
{
    struct audit_result r;
    FILE *from = fmemopen((void *)(uintptr_t)bytes, len > 0 ? len : 1, "r");

    if (len == 0)
        (void)getc(from);
    assert_true(audit_verify_stream(from, s != NULL ? view_of(s->key, 32) : VIEW(""), &r, NULL));
    fclose(from);
    assert_true(r.wrong_seq == 0 || r.wrong[0] != '\0');
    return r.wrong_seq;
}

static void test_a_file_of_it_verifies_and_every_octet_of_it_counts(struct database *d)
{
    struct signer s = signer_new(1);
    uint64_t removed;

    fill(d, &s, 0, 26, 6);
    good(d, db_begin(d->db, true, &d->err));
    good(d, audit_expire(d->db, NOW + 9, NOW + 26, &removed, &d->err));
    good(d, db_commit(d->db, &d->err));
    assert_int_equal(removed, 6);
    struct file f = export(d);
    assert_int_equal(verify_bytes(f.bytes, f.len, &s), 0);
    assert_int_equal(verify_bytes(f.bytes, f.len, NULL), 0);
    for (size_t i = 0; i < f.len; i++) {
        const char was = f.bytes[i];
        f.bytes[i] = (char)(was ^ (1 << randombytes_uniform(8)));
        if (verify_bytes(f.bytes, f.len, &s) == 0)
            fail_msg("a flipped bit of octet %zu is not found", i);
        f.bytes[i] = was;
    }
    free(f.bytes);
}

static void test_a_file_that_was_cut_or_turned_around_is_wrong(struct database *d)
{
    struct signer s = signer_new(1);
    size_t lines = 0, starts[64];

    fill(d, &s, 0, 23, 10);
    struct file f = export(d);
    for (size_t i = 0; i < f.len; i++) {
        assert_int_not_equal(verify_bytes(f.bytes, i, &s), 0);
        if (i == 0 || f.bytes[i - 1] == '\n')
            starts[lines++] = i;
    }
    starts[lines] = f.len;
    char *other = malloc(2 * f.len);
    for (size_t i = 0; i < lines; i++) {
        const size_t len = starts[i + 1] - starts[i];
        /* one line left out, one twice, two that change places */
        memcpy(other, f.bytes, starts[i]);
        memcpy(other + starts[i], f.bytes + starts[i + 1], f.len - starts[i + 1]);
        assert_int_not_equal(verify_bytes(other, f.len - len, &s), 0);
        memcpy(other, f.bytes, starts[i + 1]);
        memcpy(other + starts[i + 1], f.bytes + starts[i], f.len - starts[i]);
        assert_int_not_equal(verify_bytes(other, f.len + len, &s), 0);
        if (i + 1 < lines) {
            const size_t next = starts[i + 2] - starts[i + 1];
            memcpy(other, f.bytes, f.len);
            memcpy(other + starts[i], f.bytes + starts[i + 1], next);
            memcpy(other + starts[i] + next, f.bytes + starts[i], len);
            assert_int_not_equal(verify_bytes(other, f.len, &s), 0);
        }
    }
    memcpy(other, f.bytes, f.len);
    memcpy(other + f.len, "\n", 1);
    assert_int_not_equal(verify_bytes(other, f.len + 1, &s), 0);
    memcpy(other + f.len, " ", 1);
    assert_int_not_equal(verify_bytes(other, f.len + 1, &s), 0);
    free(other);
    free(f.bytes);
}

static void test_an_empty_trail_is_a_file_too(struct database *d)
{
    struct file f = export(d);

    assert_int_equal(verify_bytes(f.bytes, f.len, NULL), 0);
    free(f.bytes);
}

/* ---- the keeper's list ---- */

struct listing {
    struct signer signer;
    char path[64];
};

static bool sign_and_list(void *context, struct view text, uint8_t out_signature[64], uint8_t out_key[32],
                          struct imw_error_info *err)
{
    struct listing *l = context;

    return sign(&l->signer, text, out_signature, out_key, err) &&
           audit_signed_add(l->path, text, out_signature, err);
}

static struct listing listing_new(uint8_t seed)
{
    struct listing l = { .signer = signer_new(seed), .path = "/tmp/imward-signed-XXXXXX" };
    int fd = mkstemp(l.path);

    assert_true(fd >= 0);
    close(fd);
    return l;
}

/* Whole by itself; is it by the list? */
static bool listed_whole(struct database *d, const struct listing *l)
{
    struct audit_result r = verify(d, &l->signer);

    assert_int_equal(r.wrong_seq, 0);
    good(d, audit_verify_signed(d->db, l->path, view_of(l->signer.key, 32), &r, &d->err));
    return r.wrong_seq == 0;
}

static void fill_listed(struct database *d, struct listing *l, unsigned from, unsigned records)
{
    for (unsigned i = from; i < from + records; i++) {
        good(d, act(d->db, i, &d->err));
        if ((i + 1) % 5 == 0)
            good(d, audit_checkpoint(d->db, sign_and_list, l, NOW + i, &d->err));
    }
}

static void test_a_trail_that_was_cut_back_misses_what_the_keeper_signed(struct database *d)
{
    struct listing l = listing_new(1);

    fill_listed(d, &l, 0, 13);
    assert_true(listed_whole(d, &l));
    run(d, "delete from audit where seq > 5");
    run(d, "delete from audit_checkpoint where seq > 5");
    assert_false(listed_whole(d, &l));
    fill_listed(d, &l, 50, 8); /* and it goes on, signed, with the same numbers */
    assert_false(listed_whole(d, &l));
    run(d, "delete from audit");
    run(d, "delete from audit_checkpoint");
    assert_false(listed_whole(d, &l));
    unlink(l.path);
    assert_true(listed_whole(d, &l)); /* none: nothing to compare with */
}

static void test_what_went_with_a_record_of_it_is_not_missed(struct database *d)
{
    struct listing l = listing_new(1);
    uint64_t removed = 0;

    fill_listed(d, &l, 0, 12);
    good(d, db_begin(d->db, true, &d->err));
    good(d, audit_expire(d->db, NOW + 8, NOW + 20, &removed, &d->err));
    good(d, db_commit(d->db, &d->err));
    assert_int_equal(removed, 5);
    assert_true(listed_whole(d, &l));
    unlink(l.path);
}

static void test_every_octet_of_the_keepers_list_counts(struct database *d)
{
    struct listing l = listing_new(1);
    char bytes[1024];
    FILE *f;

    fill_listed(d, &l, 0, 11);
    f = fopen(l.path, "r+");
    assert_non_null(f);
    size_t len = fread(bytes, 1, sizeof bytes, f);
    assert_in_range(len, 300, sizeof bytes - 1);
    for (size_t i = 0; i < len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            char other = (char)(bytes[i] ^ (1 << bit));
            fseek(f, (long)i, SEEK_SET);
            putc(other, f);
            fflush(f);
            if (listed_whole(d, &l))
                fail_msg("octet %zu, bit %u of the list was changed, and nobody sees it", i, bit);
            fseek(f, (long)i, SEEK_SET);
            putc(bytes[i], f);
            fflush(f);
        }
    fclose(f);
    assert_true(listed_whole(d, &l));
    /* The machine stopped while the last line was written: the next one takes its place. */
    assert_int_equal(truncate(l.path, (off_t)len - 20), 0);
    assert_true(listed_whole(d, &l));
    fill_listed(d, &l, 11, 5);
    assert_true(listed_whole(d, &l));
    unlink(l.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_a_trail_is_whole_and_says_how_much_is_signed),
        ON_BOTH(test_a_checkpoint_without_news_is_none),
        ON_BOTH(test_an_act_that_is_rolled_back_leaves_no_record),
        ON_BOTH(test_writers_at_once_never_take_the_same_number),
        ON_BOTH(test_records_are_listed_by_filter_newest_first),
        ON_BOTH(test_every_octet_of_every_column_counts),
        ON_BOTH(test_numbers_and_times_count),
        ON_BOTH(test_records_that_are_missing_are_missed),
        ON_BOTH(test_the_beginning_may_go_only_where_a_record_says_so),
        ON_BOTH(test_all_that_was_removed_long_ago_is_no_gap),
        ON_BOTH(test_a_chain_that_was_made_anew_lacks_the_signature),
        ON_BOTH(test_a_forger_cannot_sign_part_of_it_by_a_key_of_his_own),
        ON_SQLITE(test_a_file_of_it_verifies_and_every_octet_of_it_counts),
        ON_SQLITE(test_a_file_that_was_cut_or_turned_around_is_wrong),
        ON_BOTH(test_an_empty_trail_is_a_file_too),
        ON_BOTH(test_a_trail_that_was_cut_back_misses_what_the_keeper_signed),
        ON_BOTH(test_what_went_with_a_record_of_it_is_not_missed),
        ON_SQLITE(test_every_octet_of_the_keepers_list_counts),
    };

    return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
