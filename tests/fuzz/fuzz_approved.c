/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of counts of approved channels: the input is the file. What is taken is a day, a name and a count
 * within their limits. */
#include "program/approved_list.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imw_error_info err = { 0 };
    struct approved_list *l = approved_list_new();

    if (l == NULL || (!approved_csv_parse(view_of(data, size), l, &err) && err.code == IMW_OK))
        abort();
    for (size_t i = 0; i < l->count; i++)
        if (l->at[i].day < 20000101 || l->at[i].day > 29991231 || l->at[i].messages > APPROVED_MESSAGES_MOST ||
            l->at[i].name >= l->name_count || l->names[l->at[i].name][0] == '\0')
            abort();
    if (l->refused + l->count > l->lines || l->day_count > APPROVED_DAYS_MOST)
        abort();
    approved_list_free(l);
    return 0;
}
