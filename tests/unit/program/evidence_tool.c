/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes an evidence package octet by octet, in memory, and counts what `imward evidence verify` would not
 * see: evidence_tool FILE KEY-IN-HEX STEP. All octets of headers, directory, end record and seal are changed,
 * and of the packed parts every STEP-th and the first and last 16. Prints "OCTETS CHANGED UNDETECTED".
 */
#include "program/evidence_verify.h"
#include "program/evidence_zip.h"
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_whole(struct view file, struct view key)
{
    static struct evidence_result r;

    evidence_verify(file, key, &r);
    const bool whole = r.faults == 0;
    evidence_result_fini(&r);
    return whole;
}

/* Is this octet in the inside of a part? */
static bool is_inside(const struct zip_file *z, const uint8_t *at)
{
    for (unsigned i = 0; i < z->count; i++) {
        const struct view packed = z->entries[i].packed;
        if (packed.len > 32 && at >= packed.at + 16 && at < packed.at + packed.len - 16)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    static const uint8_t masks[] = { 0x01, 0x80, 0x20, 0xff, 0x04 };
    struct imw_error_info err = { 0 };
    unsigned long changed = 0, undetected = 0;
    uint8_t key[32];
    size_t count;
    struct zip_file z;
    struct stat info;
    const int fd = argc == 5 ? open(argv[1], O_RDONLY) : -1;
    const unsigned long step = argc == 5 ? strtoul(argv[3], NULL, 10) : 0,
                        edge = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;

    if (fd < 0 || step == 0 || edge == 0 || fstat(fd, &info) != 0 ||
        sodium_hex2bin(key, sizeof key, argv[2], 64, NULL, &count, NULL) != 0) {
        fputs("usage: evidence_tool FILE KEY STEP EDGE\n", stderr);
        return 2;
    }
    const size_t len = (size_t)info.st_size;
    uint8_t *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED || !zip_open(view_of(at, len), &z, &err) ||
        !is_whole(view_of(at, len), view_of(key, sizeof key))) {
        fprintf(stderr, "the package is not whole: %s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < len; i++) {
        if (i % (is_inside(&z, at + i) ? step : edge) != 0)
            continue;
        const uint8_t was = at[i];
        at[i] = (uint8_t)(was ^ masks[i % sizeof masks]);
        if (is_whole(view_of(at, len), view_of(key, sizeof key))) {
            fprintf(stderr, "octet %zu\n", i);
            undetected++;
        }
        at[i] = was;
        changed++;
    }
    zip_close(&z);
    printf("%zu %lu %lu\n", len, changed, undetected);
    return undetected == 0 ? 0 : 1;
}
