/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a file as the sensor does, for tests/check/vault: vault_put DIR KEY.pub DAYS FILE META [COUNT] prints
 * the ids. */
#include "content/vault.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
    if (argc < 6)
        return 2;
    const struct vault_settings settings = { .path = argv[1], .key = argv[2], .public_only = true };
    const uint64_t now_us = (uint64_t)time(NULL) * 1000000;
    const uint64_t expires_us = now_us + strtoull(argv[3], NULL, 10) * 86400 * 1000000;
    unsigned long count = argc > 6 ? strtoul(argv[6], NULL, 10) : 1;
    struct imw_error_info err = { 0 };
    struct vault *v = NULL;
    char id[VAULT_ID_BYTES], text[768];
    int fd = open(argv[4], O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && vault_open(&settings, &v, &err);

    for (unsigned long i = 0; ok && i < count; i++) {
        ok = vault_put(v, true, now_us, expires_us, view_string(argv[5]), view_of(NULL, 0), fd, id, &err);
        if (ok)
            puts(id);
        fflush(stdout);
    }
    ok = ok && vault_commit(v, true, &err);
    vault_close(v);
    if (!ok)
        fprintf(stderr, "%s\n", error_format(&err, text, sizeof text));
    return !ok;
}
