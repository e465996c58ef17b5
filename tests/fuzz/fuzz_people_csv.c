/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of lists of people: the input is the file. What is taken has a number and a name, and aliases
 * that stay as they are when they are brought into their form again. */
#include "program/people_csv.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imw_error_info err = { 0 };
    struct roster *r = roster_new();
    char again[ALIAS_SIZE];
    const char *why;

    if (r == NULL || (!people_csv_parse(view_of(data, size), r, &err) && err.code == IMW_OK))
        abort();
    for (size_t i = 0; i < r->count; i++)
        if (r->people[i].number[0] == '\0' || r->people[i].name[0] == '\0')
            abort();
    for (size_t i = 0; i < r->alias_count; i++)
        if (r->aliases[i].kind != ALIAS_USER &&
            (!alias_normal(r->aliases[i].kind, view_string(r->aliases[i].value), again, &why) ||
             strcmp(again, r->aliases[i].value) != 0))
            abort();
    roster_free(r);
    return 0;
}
