/* SPDX-License-Identifier: Apache-2.0 */
/* The vault: what was kept comes back or is said to be damaged; what was deleted is proved; crashes. */
#include "content/vault.h"
#include "content/vault_key.h"
#include "test.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t day_us = (uint64_t)86400 * 1000000, now_us = (uint64_t)1795600000 * 1000000;

struct place {
    char folder[64], path[96], key[96];
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st;
    (void)type;
    (void)f;
    return remove(path);
}

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof *p);

    snprintf(p->folder, sizeof p->folder, "/tmp/imward-test-vault-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/vault", p->folder);
    snprintf(p->key, sizeof p->key, "%s/key", p->folder);
    assert_true(vault_keys_new(p->key, NULL));
    *state = p;
    return 0;
}

static int place_remove(void **state)
{
    struct place *p = *state;

    nftw(p->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(p);
    return 0;
}

static struct vault *open_vault(const struct place *p)
{
    const struct vault_settings settings = { .path = p->path, .key = p->key };
    struct vault *v = NULL;
    struct imw_error_info err = { 0 };

    if (!vault_open(&settings, &v, &err))
        fail_msg("%s: %s", err.file, err.text);
    return v;
}

static void put(struct vault *v, const char *meta, const void *content, size_t len, uint64_t days,
                char id[VAULT_ID_BYTES])
{
    struct imw_error_info err = { 0 };

    if (!vault_put(v, true, now_us, now_us + days * day_us, view_string(meta), view_of(content, len), -1, id,
                   &err))
        fail_msg("%s: %s", err.file, err.text);
}

/* As put(), and on disk. */
static void put_now(struct vault *v, const char *meta, const void *content, size_t len, uint64_t days,
                    char id[VAULT_ID_BYTES])
{
    put(v, meta, content, len, days, id);
    assert_true(vault_commit(v, true, NULL));
}

static void assert_verified(struct vault *v, bool right)
{
    struct imw_error_info err = { 0 };

    if (vault_verify(v, &err) != right)
        fail_msg("verify: %s", right ? err.text : "nothing was found");
}

struct got {
    uint8_t bytes[300000];
    char meta[256];
    size_t len;
};

static void take(void *context, bool is_meta, struct view bytes)
{
    struct got *g = context;

    if (is_meta) {
        snprintf(g->meta, sizeof g->meta, "%.*s", (int)bytes.len, (const char *)bytes.at);
    } else {
        assert_true(g->len + bytes.len <= sizeof g->bytes);
        memcpy(g->bytes + g->len, bytes.at, bytes.len);
        g->len += bytes.len;
    }
}

static struct got got;
static uint8_t content[200000];

static bool get(struct vault *v, const char *id)
{
    got.len = 0;
    got.meta[0] = '\0';
    return vault_get(v, id, take, &got, NULL);
}

static void count_object(void *context, const struct vault_object *o)
{
    unsigned *n = context;

    assert_int_equal(strlen(o->id), 32);
    ++*n;
}

static unsigned count_objects(struct vault *v)
{
    unsigned n = 0;

    assert_true(vault_list(v, count_object, &n, NULL));
    return n;
}

/* ---- files below the vault ---- */

static char found_path[512];
static unsigned found_count;
static const char *found_part;

static int find_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st;
    (void)f;
    if (type == FTW_F && strstr(path, found_part) != NULL) {
        snprintf(found_path, sizeof found_path, "%s", path);
        found_count++;
    }
    return 0;
}

static unsigned find(const struct place *p, const char *part)
{
    found_part = part;
    found_count = 0;
    nftw(p->path, find_one, 8, FTW_PHYS);
    return found_count;
}

static size_t read_whole(const char *path, uint8_t *out, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, out, size);

    close(fd);
    assert_true(n >= 0);
    return (size_t)n;
}

static void write_whole(const char *path, const uint8_t *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

/* Change one byte, look, change it back. */
static void assert_flips_are_found(const struct place *p, const char *path, size_t step)
{
    static uint8_t bytes[400000];
    size_t len = read_whole(path, bytes, sizeof bytes);

    assert_true(len > 0);
    for (size_t i = 0; i < len; i += step) {
        int fd = open(path, O_WRONLY);
        uint8_t bad = bytes[i] ^ (uint8_t)(1u << i % 8);
        assert_int_equal(pwrite(fd, &bad, 1, (off_t)i), 1);
        struct vault *v = open_vault(p);
        if (vault_verify(v, NULL))
            fail_msg("%s: byte %zu of %zu", path, i, len);
        vault_close(v);
        assert_int_equal(pwrite(fd, &bytes[i], 1, (off_t)i), 1);
        close(fd);
    }
}

/* ---- tests ---- */

static void test_what_was_kept_comes_back(void **state)
{
    static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 131072, 200000 };
    struct vault *v = open_vault(*state);
    char id[VAULT_ID_BYTES];

    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 31 >> 3);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        put(v, "{\"from\":\"alice\"}", content, sizes[i], 30, id);
        assert_true(get(v, id));
        assert_string_equal(got.meta, "{\"from\":\"alice\"}");
        assert_int_equal(got.len, sizes[i]);
        assert_memory_equal(got.bytes, content, sizes[i]);
    }
    FILE *f = tmpfile();
    assert_int_equal(fwrite(content, 1, 100000, f), 100000);
    fflush(f);
    assert_true(
        vault_put(v, true, now_us, now_us + day_us, VIEW("{}"), view_of(NULL, 0), fileno(f), id, NULL));
    fclose(f);
    assert_true(get(v, id));
    assert_int_equal(got.len, 100000);
    assert_memory_equal(got.bytes, content, 100000);
    assert_int_equal(count_objects(v), 8);
    assert_verified(v, true);
    vault_close(v);
    v = open_vault(*state); /* and after it was closed */
    assert_true(get(v, id));
    assert_verified(v, true);
    assert_false(get(v, "00000000000000000000000000000000"));
    assert_false(get(v, "../../../../../../../../etc/passwd"));
    vault_close(v);
}

static void test_nothing_readable_lies_on_the_disk(void **state)
{
    struct place *p = *state;
    struct vault *v = open_vault(p);
    char id[VAULT_ID_BYTES];
    static uint8_t bytes[400000];

    put(v, "{\"from\":\"alice\"}", "attack at dawn", 14, 30, id);
    vault_close(v);
    assert_int_equal(find(p, id), 1);
    size_t len = read_whole(found_path, bytes, sizeof bytes);
    assert_int_equal(view_find(view_of(bytes, len), VIEW("alice")), len);
    assert_int_equal(view_find(view_of(bytes, len), VIEW("dawn")), len);
    assert_int_equal(find(p, "journal"), 1);
    len = read_whole(found_path, bytes, sizeof bytes);
    assert_int_equal(view_find(view_of(bytes, len), VIEW("alice")), len);
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static bool opens(const char *path, const char *key, bool public_only, struct imw_error_info *err)
{
    const struct vault_settings settings = { path, key, public_only };
    struct vault *v;

    *err = (struct imw_error_info){ 0 };
    if (!vault_open(&settings, &v, err))
        return false;
    vault_close(v);
    return true;
}

static void test_keys(void **state)
{
    struct place *p = *state;
    char other[160], public_path[170];
    static uint8_t bytes[1024];
    struct imw_error_info err = { 0 };
    struct stat st;

    assert_false(vault_keys_new(p->key, &err)); /* never overwritten */
    snprintf(other, sizeof other, "%s/other", p->folder);
    snprintf(public_path, sizeof public_path, "%s.pub", other);
    write_whole(public_path, bytes, 1);
    assert_false(vault_keys_new(other, &err)); /* nor its public half, and no half a pair is left */
    assert_int_equal(access(other, F_OK), -1);
    unlink(public_path);
    mode_t mask = umask(0);
    assert_true(vault_keys_new(other, NULL));
    umask(mask);
    assert_int_equal(stat(other, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(public_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);

    assert_true(opens(p->path, other, false, &err));
    assert_true(opens(p->path, public_path, true, &err));
    assert_false(opens(p->path, other, true, &err)); /* who writes gets no private key */
    assert_int_equal(err.code, IMW_ERROR_TRUST);
    assert_non_null(strstr(err.text, "private key"));
    assert_int_equal(chmod(other, 0640), 0);
    assert_false(opens(p->path, other, false, &err));
    assert_int_equal(err.code, IMW_ERROR_TRUST);
    assert_int_equal(chmod(other, 0600), 0);
    assert_int_equal(chmod(public_path, 0644), 0);
    assert_false(opens(p->path, public_path, true, &err));
    assert_int_equal(chmod(public_path, 0660), 0);
    assert_false(opens(p->path, public_path, true, &err));
    assert_int_equal(chmod(public_path, 0640), 0);

    size_t len = read_whole(other, bytes, sizeof bytes - 1);
    /* Neither cut, nor with a character changed, but for digits of the journal's key, and for the two of the
     * private one that hold bits of no meaning. */
    const size_t journal = 27 + 72 + 8, private = 27 + 72 + 73 + 8;
    assert_int_equal(len, private + 65);
    for (size_t i = 0; i < len; i++) {
        char digit = (char)bytes[i];
        write_whole(other, bytes, i);
        assert_int_equal(opens(p->path, other, false, &err), i + 1 == len); /* without its last newline */
        bytes[i] = digit == '1' ? '2' : '1';
        write_whole(other, bytes, len);
        if ((i < journal || i >= journal + 64) && i != private + 1 && i != private + 62)
            assert_false(opens(p->path, other, false, &err));
        bytes[i] = (uint8_t)digit;
    }
    bytes[len] = '\n';
    write_whole(other, bytes, len + 1);
    assert_false(opens(p->path, other, false, &err));
    assert_int_equal(err.code, IMW_ERROR_FORMAT);
    unlink(other);
    assert_false(opens(p->path, other, false, &err));
    assert_int_equal(err.code, IMW_ERROR_SYSTEM);
    assert_false(opens(p->path, p->folder, false, &err));
}

static struct vault *open_public(const struct place *p)
{
    char key[128];
    const struct vault_settings settings = { p->path, key, true };
    struct vault *v = NULL;
    struct imw_error_info err = { 0 };

    snprintf(key, sizeof key, "%s.pub", p->key);
    if (!vault_open(&settings, &v, &err))
        fail_msg("%s: %s", err.file, err.text);
    return v;
}

static void test_who_writes_cannot_read(void **state)
{
    struct place *p = *state;
    struct vault *v = open_public(p);
    char id[VAULT_ID_BYTES], soon[VAULT_ID_BYTES];
    struct imw_error_info err = { 0 };
    unsigned deleted;

    put(v, "{\"from\":\"alice\"}", "attack at dawn", 14, 30, id);
    put(v, "{}", "x", 1, 1, soon);
    got.len = 0;
    assert_false(vault_get(v, id, take, &got, &err));
    assert_int_equal(err.code, IMW_ERROR_VALUE);
    assert_int_equal(got.len, 0);
    assert_int_equal(count_objects(v), 2);
    assert_verified(v, true);
    assert_true(vault_expire(v, now_us + day_us, &deleted, NULL));
    assert_int_equal(deleted, 1);
    assert_verified(v, true);
    vault_close(v);
    v = open_vault(p);
    assert_verified(v, true);
    assert_true(get(v, id));
    assert_int_equal(got.len, 14);
    assert_memory_equal(got.bytes, "attack at dawn", 14);
    assert_string_equal(got.meta, "{\"from\":\"alice\"}");
    vault_close(v);
}

/* The public half of one pair with the journal's key of another: what somebody would put in the writer's way.
 */
static void test_objects_sealed_to_another_key_are_found(void **state)
{
    struct place *p = *state;
    char other[160], mixed[170], id[VAULT_ID_BYTES], half[128];
    uint8_t ours[1024], theirs[1024];
    struct vault *v;

    snprintf(other, sizeof other, "%s/other", p->folder);
    snprintf(half, sizeof half, "%s.pub", p->key);
    snprintf(mixed, sizeof mixed, "%s.pub", other);
    assert_true(vault_keys_new(other, NULL));
    size_t len = read_whole(half, ours, sizeof ours);
    assert_int_equal(read_whole(mixed, theirs, sizeof theirs), len);
    memcpy(theirs + len - 73, ours + len - 73, 73);
    write_whole(mixed, theirs, len);
    const struct vault_settings settings = { p->path, mixed, true };
    assert_true(vault_open(&settings, &v, NULL));
    put(v, "{}", "x", 1, 30, id);
    assert_verified(v, true);
    vault_close(v);
    v = open_public(p);
    assert_verified(v, true); /* which is all that can be told without the private key */
    vault_close(v);
    v = open_vault(p);
    assert_verified(v, false);
    assert_false(get(v, id));
    vault_close(v);
}

static void test_another_journal_key_finds_nothing_right(void **state)
{
    struct place *p = *state;
    char other[160], id[VAULT_ID_BYTES];
    struct vault *v = open_vault(p);

    put(v, "{}", "x", 1, 30, id);
    vault_close(v);
    snprintf(other, sizeof other, "%s/other", p->folder);
    assert_true(vault_keys_new(other, NULL));
    const struct vault_settings settings = { .path = p->path, .key = other };
    assert_true(vault_open(&settings, &v, NULL));
    assert_false(vault_verify(v, NULL));
    assert_false(get(v, id));
    assert_int_equal(got.len, 0);
    vault_close(v);
}

static void test_what_is_not_committed_waits_a_second(void **state)
{
    struct place *p = *state;
    struct vault *v = open_public(p);
    char id[VAULT_ID_BYTES];

    put(v, "{}", "x", 1, 30, id);
    assert_true(vault_commit(v, false, NULL)); /* not due */
    assert_int_equal(find(p, ".part"), 1);
    struct vault *other = open_vault(p); /* which leaves alone what a living writer has open */
    assert_int_equal(count_objects(other), 0);
    assert_verified(other, true);
    assert_int_equal(find(p, ".part"), 1);
    usleep(1100000);
    assert_true(vault_commit(v, false, NULL));
    assert_int_equal(find(p, ".part"), 0);
    assert_int_equal(count_objects(other), 1);
    assert_true(get(other, id));
    vault_close(other);
    put(v, "{}", "y", 1, 30, id);
    vault_close(v); /* commits, too */
    v = open_vault(p);
    assert_int_equal(count_objects(v), 2);
    for (unsigned i = 0; i < 300; i++) /* more than wait at a time */
        put(v, "{}", "z", 1, 30, id);
    assert_true(find(p, ".part") < 150);
    assert_int_equal(count_objects(v), 302);
    assert_verified(v, true);
    vault_close(v);
}

static void test_every_flipped_byte_is_found(void **state)
{
    struct place *p = *state;
    struct vault *v = open_vault(p);
    char id[2][VAULT_ID_BYTES];
    unsigned deleted;

    put(v, "{\"a\":1}", "hello", 5, 30, id[0]);
    put(v, "{\"a\":2}", "goodbye", 7, 1, id[1]);
    assert_true(get(v, id[0]));
    assert_true(vault_expire(v, now_us + 2 * day_us, &deleted, NULL));
    assert_int_equal(deleted, 1);
    assert_verified(v, true);
    vault_close(v);
    assert_int_equal(find(p, id[0]), 1);
    assert_flips_are_found(p, found_path, 1);
    assert_int_equal(find(p, "/journal"), 1);
    assert_flips_are_found(p, found_path, 1);
    assert_int_equal(find(p, "/head"), 1);
    assert_flips_are_found(p, found_path, 1);
    v = open_vault(p);
    assert_verified(v, true);
    vault_close(v);
}

static void test_damage_is_never_given_as_content(void **state)
{
    struct place *p = *state;
    struct vault *v = open_vault(p);
    char id[VAULT_ID_BYTES];
    static uint8_t bytes[400000];

    put_now(v, "{}", content, 150000, 30, id);
    assert_int_equal(find(p, id), 1);
    size_t len = read_whole(found_path, bytes, sizeof bytes);
    for (size_t i = 0; i < len; i += 997) {
        bytes[i] ^= 0x10;
        write_whole(found_path, bytes, len);
        assert_false(get(v, id));
        assert_memory_equal(got.bytes, content, got.len); /* what came before the damage */
        bytes[i] ^= 0x10;
    }
    for (size_t cut = 0; cut < len; cut += 5000) {
        write_whole(found_path, bytes, cut);
        assert_false(get(v, id));
    }
    bytes[len] = 0;
    write_whole(found_path, bytes, len + 1);
    assert_false(get(v, id));
    write_whole(found_path, bytes, len);
    assert_true(get(v, id));
    vault_close(v);
}

static void test_one_object_in_place_of_another_is_found(void **state)
{
    struct place *p = *state;
    struct vault *v = open_vault(p);
    char a[VAULT_ID_BYTES], b[VAULT_ID_BYTES], path[512];

    put_now(v, "{}", "first", 5, 30, a);
    put_now(v, "{}", "other", 5, 30, b);
    assert_int_equal(find(p, a), 1);
    snprintf(path, sizeof path, "%s", found_path);
    assert_int_equal(find(p, b), 1);
    assert_int_equal(rename(found_path, path), 0);
    assert_verified(v, false);
    assert_false(get(v, a));
    vault_close(v);
}

static void test_missing_extra_and_resurrected_objects_are_found(void **state)
{
    struct place *p = *state;
    struct vault *v = open_vault(p);
    char id[VAULT_ID_BYTES], path[512], day[512];
    static uint8_t bytes[4096];
    unsigned deleted;

    put_now(v, "{}", "x", 1, 30, id);
    assert_int_equal(find(p, id), 1);
    size_t len = read_whole(found_path, bytes, sizeof bytes);
    snprintf(path, sizeof path, "%s", found_path);
    unlink(path);
    assert_verified(v, false);
    write_whole(path, bytes, len);
    assert_verified(v, true);

    snprintf(found_path, sizeof found_path, "%s/objects/stray", p->path);
    write_whole(found_path, bytes, len);
    assert_verified(v, false);
    unlink(found_path);
    snprintf(found_path, sizeof found_path, "%.*s0123456789abcdef0123456789abcdef", (int)strlen(path) - 32,
             path);
    write_whole(found_path, bytes, len);
    assert_verified(v, false);
    unlink(found_path);
    assert_verified(v, true);

    assert_true(vault_expire(v, now_us + 40 * day_us, &deleted, NULL));
    assert_int_equal(deleted, 1);
    assert_verified(v, true);
    snprintf(day, sizeof day, "%.*s", (int)strlen(path) - 33, path);
    assert_int_equal(mkdir(day, 0700), 0); /* its day went, too */
    write_whole(path, bytes, len);
    assert_verified(v, false);
    vault_close(v);
}

static void test_a_journal_cut_at_its_end_is_found(void **state)
{
    struct place *p = *state;
    struct vault *v = open_vault(p);
    char id[VAULT_ID_BYTES];
    static uint8_t bytes[8192];
    unsigned deleted;

    put(v, "{}", "x", 1, 1, id);
    assert_true(vault_expire(v, now_us + 2 * day_us, &deleted, NULL));
    put(v, "{}", "y", 1, 30, id);
    assert_true(get(v, id));
    vault_close(v);
    assert_int_equal(find(p, "/journal"), 1);
    size_t len = read_whole(found_path, bytes, sizeof bytes);
    for (size_t cut = 0; cut < len; cut += 11) {
        write_whole(found_path, bytes, cut);
        v = open_vault(p);
        assert_verified(v, false);
        vault_close(v);
    }
    write_whole(found_path, bytes, len);
    v = open_vault(p);
    assert_verified(v, true);
    /* And nothing is added to a journal that is wrong. */
    write_whole(found_path, bytes, len / 2);
    assert_true(vault_put(v, true, now_us, now_us + day_us, VIEW("{}"), VIEW("z"), -1, id, NULL));
    assert_false(vault_commit(v, true, NULL));
    vault_close(v);
}

static void test_expiry_deletes_what_is_due_and_proves_it(void **state)
{
    struct place *p = *state;
    struct vault *v = open_vault(p);
    char soon[VAULT_ID_BYTES], later[VAULT_ID_BYTES], line[512];
    unsigned deleted;
    static uint8_t bytes[16384];

    put(v, "{}", "soon", 4, 1, soon);
    put(v, "{}", "later", 5, 10, later);
    assert_true(vault_expire(v, now_us, &deleted, NULL));
    assert_int_equal(deleted, 0);
    assert_false(vault_due(v, now_us));
    assert_true(vault_due(v, now_us + day_us));
    assert_true(vault_expire(v, now_us + day_us, &deleted, NULL));
    assert_int_equal(deleted, 1);
    assert_false(vault_due(v, now_us + 2 * day_us));
    assert_true(vault_due(v, now_us + 10 * day_us));
    assert_int_equal(find(p, soon), 0);
    assert_int_equal(find(p, later), 1);
    assert_false(get(v, soon));
    assert_true(get(v, later));
    assert_int_equal(count_objects(v), 1);
    assert_verified(v, true);
    assert_true(vault_expire(v, now_us + day_us, &deleted, NULL)); /* once */
    assert_int_equal(deleted, 0);
    assert_int_equal(find(p, "/journal"), 1);
    bytes[read_whole(found_path, bytes, sizeof bytes - 1)] = '\0';
    snprintf(line, sizeof line, "\"act\":\"deleted\",\"id\":\"%s\",\"sha256\":\"", soon);
    assert_non_null(strstr((const char *)bytes, line));
    vault_close(v);
}

static void test_the_sealed_key_of_a_deleted_object_is_overwritten(void **state)
{
    struct place *p = *state;
    struct vault *v = open_vault(p);
    char id[VAULT_ID_BYTES], link_path[512];
    static uint8_t before[4096], after[4096];
    unsigned deleted;

    put_now(v, "{}", "x", 1, 1, id);
    assert_int_equal(find(p, id), 1);
    snprintf(link_path, sizeof link_path, "%s/copy", p->folder);
    assert_int_equal(link(found_path, link_path), 0); /* another name of the same bytes */
    size_t len = read_whole(link_path, before, sizeof before);
    assert_true(vault_expire(v, now_us + day_us, &deleted, NULL));
    assert_int_equal(read_whole(link_path, after, sizeof after), len);
    assert_memory_not_equal(after + 40, before + 40, 80);
    assert_memory_equal(after + 120, before + 120, len - 120);
    vault_close(v);
    unlink(link_path);
}

static void test_a_writer_killed_at_any_time_leaves_a_vault_that_verifies(void **state)
{
    struct place *p = *state;

    for (unsigned round = 0; round < 25; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct vault *v = open_vault(p);
            char id[VAULT_ID_BYTES];
            unsigned deleted;
            for (unsigned i = 0;; i++) {
                put(v, "{}", content, 1000, i % 2 * 30, id);
                if (i % 7 == 6 && !vault_commit(v, true, NULL))
                    _exit(1);
                if (i % 4 == 3 && !vault_expire(v, now_us, &deleted, NULL))
                    _exit(1);
            }
        }
        usleep(3000 + round * 1700);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        struct vault *v = open_vault(p);
        unsigned deleted;
        assert_verified(v, true);
        assert_true(vault_expire(v, now_us, &deleted, NULL));
        assert_verified(v, true);
        assert_int_equal(find(p, ".part"), 0);
        vault_close(v);
    }
}

static void *put_many(void *context)
{
    struct vault *v = context;
    char id[VAULT_ID_BYTES];

    for (unsigned i = 0; i < 25; i++)
        if (!vault_put(v, false, now_us, now_us + day_us, VIEW("{}"), VIEW("hello"), -1, id, NULL))
            return v;
    return vault_commit(v, true, NULL) ? NULL : v;
}

static void test_threads_and_other_processes_keep_at_a_time(void **state)
{
    struct place *p = *state;
    struct vault *v = open_vault(p);
    pthread_t thread[4];
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(put_many(open_vault(p)) != NULL);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, put_many, v), 0);
    for (unsigned i = 0; i < 4; i++) {
        void *failed;
        pthread_join(thread[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(count_objects(v), 125);
    assert_verified(v, true);
    vault_close(v);
}

static void test_a_full_disk_is_an_error_and_harms_nothing(void **state)
{
    struct place *p = *state;
    struct vault *v = open_vault(p);
    char id[VAULT_ID_BYTES] = "untouched";
    struct rlimit old, low;
    struct imw_error_info err = { 0 };

    put_now(v, "{}", "x", 1, 30, id);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    low = old;
    low.rlim_cur = 50000; /* too little for the object */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    assert_false(
        vault_put(v, true, now_us, now_us + day_us, VIEW("{}"), view_of(content, 150000), -1, id, &err));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(err.code, IMW_ERROR_SYSTEM);
    assert_int_equal(find(p, ".part"), 0);
    assert_int_equal(count_objects(v), 1);
    assert_verified(v, true);
    low.rlim_cur = 600; /* too little for the journal */
    assert_true(vault_put(v, true, now_us, now_us + day_us, VIEW("{}"), VIEW("later"), -1, id, &err));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    err = (struct imw_error_info){ 0 };
    bool ok = vault_commit(v, true, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_false(ok);
    assert_int_equal(err.code, IMW_ERROR_SYSTEM);
    assert_int_equal(find(p, ".part"), 1);
    assert_true(vault_commit(v, true, &err)); /* room again: nothing was lost */
    assert_true(get(v, id));
    assert_int_equal(got.len, 5);
    assert_int_equal(count_objects(v), 2);
    assert_verified(v, true);
    put(v, "{}", "y", 1, 30, id);
    assert_verified(v, true);
    vault_close(v);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_kept_comes_back),
        TEST(test_nothing_readable_lies_on_the_disk),
        TEST(test_keys),
        TEST(test_who_writes_cannot_read),
        TEST(test_objects_sealed_to_another_key_are_found),
        TEST(test_another_journal_key_finds_nothing_right),
        TEST(test_what_is_not_committed_waits_a_second),
        TEST(test_every_flipped_byte_is_found),
        TEST(test_damage_is_never_given_as_content),
        TEST(test_one_object_in_place_of_another_is_found),
        TEST(test_missing_extra_and_resurrected_objects_are_found),
        TEST(test_a_journal_cut_at_its_end_is_found),
        TEST(test_expiry_deletes_what_is_due_and_proves_it),
        TEST(test_the_sealed_key_of_a_deleted_object_is_overwritten),
        TEST(test_a_writer_killed_at_any_time_leaves_a_vault_that_verifies),
        TEST(test_threads_and_other_processes_keep_at_a_time),
        TEST(test_a_full_disk_is_an_error_and_harms_nothing),
    };
    return cmocka_run_group_tests_name("content_vault", tests, NULL, NULL);
}
