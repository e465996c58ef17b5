/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packet path takes nothing from the heap once the engine is made: captures of every protocol are read
 * while each call of malloc and its kin by our code is counted (the linker puts our functions before them).
 *
 * One exception, counted on its own: a cipher context for each QUIC Initial that is decrypted, since
 * libcrypto has no other way to AES-GCM. What libcrypto takes for itself is not seen here.
 */
#include "engine/engine.h"
#include "test.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_EVP_CIPHER_CTX_new(void);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_EVP_CIPHER_CTX_new(void);

static bool armed;
static unsigned taken, contexts;

void *__wrap_malloc(size_t size)
{
    taken += armed;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    taken += armed;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    taken += armed;
    return __real_realloc(block, size);
}

void *__wrap_EVP_CIPHER_CTX_new(void)
{
    contexts += armed;
    return __real_EVP_CIPHER_CTX_new();
}

static void on_flow(void *context, const struct flow_event *e)
{
    uint64_t *flows = context;
    char line[EVE_LINE_BYTES];

    *flows += eve_flow(e, line) > 0;
}

static void on_activity(void *context, const struct activity_event *e)
{
    char line[EVE_LINE_BYTES];

    (void)context;
    (void)eve_activity(e, line);
}

static void read_armed(struct engine *e, const char *path)
{
    struct imw_error_info err;
    struct capture *c;

    assert_true(capture_open(path, &c, &err));
    armed = true;
    bool ok = engine_read(e, c, "seed.pcap", &err);
    armed = false;
    assert_true(ok);
    capture_close(c);
}

static void test_the_packet_path_takes_nothing_from_the_heap(void **state)
{
    const char *folder = getenv("PATH_SEEDS");
    struct imw_error_info err;
    struct rules *rules;
    struct engine *e;
    uint64_t flows = 0, captures = 0;

    (void)state;
    assert_non_null(folder);
    assert_true(rules_load(NULL, NULL, NULL, &rules, &err));
    struct engine_config config = {
        .rules = rules, .all_flows = true, .flow = on_flow, .activity = on_activity, .context = &flows
    };
    armed = true;
    assert_true(engine_new(&config, &e, &err));
    armed = false;
    assert_true(taken > 0); /* or nothing is counted */
    taken = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
        char path[512];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        read_armed(e, path);
        captures++;
        if (taken > 0)
            fail_msg("%s: %u blocks from the heap", entry->d_name, taken);
    }
    closedir(d);
    assert_true(captures > 50 && flows >= captures);
    assert_in_range(contexts, 1, 16); /* the QUIC seed, and nothing else */
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_packet_path_takes_nothing_from_the_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
