/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of evidence packages: whatever the file, it is whole or a fault is named; and what is whole is not
 * with one bit flipped. */
#include "program/evidence_verify.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned faults_of(struct view file)
{
    static struct evidence_result r;

    evidence_verify(file, VIEW(""), &r);
    for (unsigned i = 0; i < r.faults && i < EVIDENCE_FAULTS; i++)
        if (r.fault[i][0] == '\0')
            abort();
    evidence_result_fini(&r);
    return r.faults;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || faults_of(view_of(data, size)) > 0)
        return 0;
    uint8_t *other = malloc(size);
    if (other == NULL)
        return 0;
    memcpy(other, data, size);
    other[(size * 7 + data[size / 2]) % size] ^= 0x10;
    if (faults_of(view_of(other, size)) == 0)
        abort();
    free(other);
    return 0;
}
