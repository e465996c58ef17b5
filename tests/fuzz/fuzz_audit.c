/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of exported audit trails: whatever the file, it is whole or the first that is wrong is named;
 * and what is whole is not with one bit flipped. */
#include "program/audit_record.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void verify(const uint8_t *data, size_t size, struct audit_result *out)
{
    FILE *from = fmemopen((void *)(uintptr_t)data, size, "r");

    if (from == NULL || !audit_verify_stream(from, VIEW(""), out, NULL))
        abort();
    fclose(from);
    if ((out->wrong_seq != 0) != (out->wrong[0] != '\0') || out->unsigned_records > out->records)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_result r;

    if (size == 0)
        return 0;
    verify(data, size, &r);
    if (r.wrong_seq == 0 && r.checkpoints > 0 && r.unsigned_records == 0) {
        uint8_t *other = malloc(size);
        if (other == NULL)
            return 0;
        memcpy(other, data, size);
        other[(size * 7 + data[size / 2]) % size] ^= 0x10;
        verify(other, size, &r);
        if (r.wrong_seq == 0)
            abort();
        free(other);
    }
    return 0;
}
